"""``asem zoo pull``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from asem_core.cli.options import progress_bar
from asem_core.errors import ModelError

if TYPE_CHECKING:
    from asem_core.registry import Registry


@click.command()
@click.argument("model", metavar="ID")
@click.option("--from", "site", metavar="URL|FOLDER", envvar="ASEM_ZOO", show_envvar=True,
              help="Zoo site that `asem zoo build` made.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the stored model of that id.")
def pull(model: str, *, site: str | None, overwrite: bool) -> None:
    """Fetch the model ID from a zoo site, check it and keep it for `asem segment --model ID`.

    A download that was stopped goes on where it was: run the same command again.

    \b
    Example:
      asem zoo pull mito-5nm --from https://models.example.org/asem
    """
    from asem_core.registry import make_registry
    from asem_core.zoo.package import package_folder
    from asem_core.zoo.pull import pull as run
    from asem_core.zoo.store import organelle_of

    if site is None:
        raise click.UsageError("from where? give the address of a zoo site with --from, or set ASEM_ZOO")
    registry = make_registry()
    _check_new(model, registry)
    with progress_bar() as progress:
        spec = run(model, site, overwrite=overwrite, progress=progress)
    organelle = organelle_of(package_folder(spec))
    click.echo(f"{spec.id} {spec.version}: {spec.package}")
    click.echo(f"licence: {spec.licence}")
    if organelle not in registry.organelles:
        click.echo(f"note: the organelle {organelle!r} is not installed; a plugin such as asem-organelle-{organelle} "
                   "brings its parameters", err=True)  # fmt: skip
    click.echo(f"use it: asem segment VOLUME --organelle {organelle} --model {spec.id} -o OUT.zarr")


def _check_new(model: str, registry: Registry) -> None:
    for name, entry in registry.organelles.entries.items():
        if any(spec.id == model for spec in entry.spec.models):
            raise ModelError(
                f"{model} comes with {entry.plugin.distribution} (organelle {name!r}) and is there already: "
                "upgrade that package for a newer one"
            )
