"""``asem zoo``: trained models as bioimage.io packages; one thin file per verb."""

from __future__ import annotations

import click

from asem_core.cli.zoo import build, export, importing, package, path, pull, push, quantise, serve, test, validate
from asem_core.cli.zoo import list as list_verb

__all__ = ["zoo"]


@click.group()
def zoo() -> None:
    """List, test, exchange and write model packages (bioimage.io)."""


for verb in (
    list_verb.list_,
    path.path,
    validate.validate,
    test.test,
    export.export,
    build.build,
    pull.pull,
    push.push,
    serve.serve,
    importing.import_,
    package.package,
    quantise.quantise,
):
    zoo.add_command(verb)
