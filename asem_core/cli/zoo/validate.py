"""``asem zoo validate``."""

from __future__ import annotations

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import PLACE
from asem_core.errors import ModelError


@click.command(epilog="Example: asem zoo validate mito-10nm")
@click.argument("package", metavar="ID|FOLDER|ZIP", type=PLACE)
def validate(package: str) -> None:
    """Check a package without running it: files, sha256, ONNX graph, pickle, and bioimage.io's own validation.

    Prints one line per problem.
    """
    from asem_core.zoo.find import package_of
    from asem_core.zoo.validate import problems

    with package_of(package, registry=shared_registry()) as folder:
        found = problems(folder)
    for problem in found:
        click.echo(problem)
    if found:
        raise ModelError(f"{package}: {len(found)} problem{'s' if len(found) > 1 else ''}, see above")
    click.echo(f"{package}: sound")
