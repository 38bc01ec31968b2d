"""``asem zoo pull``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import PLACE
from asem_core.cli.progress import progress_bar
from asem_core.errors import AsemError, ModelError

if TYPE_CHECKING:
    from asem_core.registry import Registry
    from asem_core.specs import ModelSpec


@click.command()
@click.argument("model", metavar="ID[@VERSION]")
@click.option("--from", "site", metavar="URL|FOLDER", type=PLACE, envvar="ASEM_ZOO", show_envvar=True,
              help="Zoo that `asem zoo build` or `push` made; for a published checkpoint (then of --from alone), "
              "another place of the file or of its folder.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the stored model of that id.")
def pull(model: str, *, site: str | None, overwrite: bool) -> None:
    """Fetch the model ID from a zoo, check it and keep it for `asem segment --model ID`.

    Of several versions the highest is taken. ID may be a published checkpoint, SOURCE/NUMBER, that an installed plugin
    registers: it is fetched from where its authors put it and made into a package, which needs torch. A download that
    was stopped goes on where it was: run the same command again.

    \b
    Examples:
      asem zoo pull mito-5nm --from https://models.example.org/asem
      asem zoo pull asem-project/1841
    """
    from asem_core.zoo.find import package_folder
    from asem_core.zoo.organelle import carried_organelle
    from asem_core.zoo.rdf import organelle_of

    registry = shared_registry()
    fetch = _pull_checkpoint if "/" in model else _pull_package
    spec = fetch(model, registry, site, overwrite=overwrite)
    folder = package_folder(spec)
    organelle = organelle_of(folder)
    click.echo(f"{spec.id} {spec.version}: {spec.package}")
    click.echo(f"licence: {spec.licence}")
    if organelle not in registry.organelles and carried_organelle(folder) is None:
        click.echo(f"note: the organelle {organelle!r} is not installed; a plugin such as asem-organelle-{organelle} "
                   "brings its parameters", err=True)  # fmt: skip
    click.echo(f"use it: asem segment VOLUME --model {spec.id} -o OUT.zarr")


def _pull_package(model: str, registry: Registry, site: str | None, *, overwrite: bool) -> ModelSpec:
    from asem_core.zoo.site.pull import pull as run

    if site is None:
        raise click.UsageError("from where? give the address of a zoo with --from, or set ASEM_ZOO")
    _check_new(model, registry)
    with progress_bar() as progress:
        return run(model, site, overwrite=overwrite, progress=progress)


def _pull_checkpoint(model: str, registry: Registry, place: str | None, *, overwrite: bool) -> ModelSpec:
    from datetime import UTC, datetime

    spec = registry.checkpoints[model]
    try:
        from asem_core.training.importing import pull_checkpoint
    except ImportError as error:
        raise AsemError(f"converting a checkpoint needs torch ({error}): pip install 'asem-core[train]'") from None
    # ASEM_ZOO names a site of packages, not of checkpoints.
    given = click.get_current_context().get_parameter_source("site") is click.core.ParameterSource.COMMANDLINE
    with progress_bar() as progress:
        return pull_checkpoint(
            spec,
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            source=place if given else None,
            overwrite=overwrite,
            progress=progress,
        )


def _check_new(model: str, registry: Registry) -> None:
    for name, entry in registry.organelles.entries.items():
        if any(spec.id == model.partition("@")[0] for spec in entry.spec.models):
            raise ModelError(
                f"{model} comes with {entry.plugin.distribution} (organelle {name!r}) and is there already: "
                "upgrade that package for a newer one"
            )
