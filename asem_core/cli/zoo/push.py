"""``asem zoo push``."""

from __future__ import annotations

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import PLACE
from asem_core.cli.progress import progress_bar


@click.command()
@click.argument("model", metavar="ID|FOLDER|ZIP", type=PLACE)
@click.argument("zoo", metavar="FOLDER|URL", type=PLACE)
@click.option("--overwrite", is_flag=True, help="Replace this version of the model where it is another package.")
def push(model: str, zoo: str, *, overwrite: bool) -> None:
    """Add a model to a zoo in a folder or a bucket, beside its other versions.

    The zoo is made if there is none, with a gallery, index.html, for browsers. What is written is read back and
    compared; a version that is there stays as it is. `asem zoo serve` offers such a folder to a lab.

    \b
    Examples:
      asem zoo push runs/lysosome/model /lab/zoo
      asem zoo push lysosome-10nm s3://lab/zoo
    """
    from asem_core.zoo.find import package_of
    from asem_core.zoo.site.push import push as run

    with package_of(model, registry=shared_registry()) as folder, progress_bar() as progress:
        done = run(folder, zoo, overwrite=overwrite, progress=progress)
    there = "" if done.new else " was there already"
    click.echo(f"{done.zoo}: {done.spec.id} {done.spec.version}{there}, sha256 {done.sha256}")
    click.echo(f"use it: asem zoo pull {done.spec.id} --from {done.zoo}")
