"""``asem zoo export``."""

from __future__ import annotations

from pathlib import Path

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import PATH, PLACE


@click.command()
@click.argument("package", metavar="ID|FOLDER", type=PLACE)
@click.argument("dst", type=PATH)
@click.option("--overwrite", is_flag=True, help="Replace DST if it is a zip that `asem zoo export` wrote.")
def export(package: str, dst: Path, *, overwrite: bool) -> None:
    """Write a package as DST, a zip that every bioimage.io tool opens, or NAME.zip in the folder DST.

    The same package gives the same bytes.

    \b
    Examples:
      asem zoo export mito-10nm mito.zip
      asem zoo export mito-10nm .
    """
    from asem_core.zoo.files import file_sha256
    from asem_core.zoo.find import is_path, package_of
    from asem_core.zoo.write.export import export_zip

    given = Path(package).absolute()
    destination = dst / f"{given.name.removesuffix('.zip')}.zip" if dst.is_dir() else dst
    with package_of(package, registry=shared_registry()) as folder:
        destination = export_zip(folder, destination, inputs=[given] if is_path(package) else [], overwrite=overwrite)
    click.echo(f"{destination}: {destination.stat().st_size / 1e6:.1f} MB, sha256 {file_sha256(destination)}")
