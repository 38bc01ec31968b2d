"""``asem zoo list``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from asem_core.cli.context import shared_registry

if TYPE_CHECKING:
    from asem_core.zoo.find import Listed


@click.command("list", epilog="Example: asem zoo list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def list_(*, as_json: bool) -> None:
    """List the models of this machine: those that plugins bring, and those that were pulled or imported."""
    from asem_core.zoo.find import all_models

    registry = shared_registry()
    models = all_models(registry)
    for plugin in registry.organelles.broken:
        click.echo(f"note: the plugin {plugin.name!r} ({plugin.distribution}) is {plugin.state}", err=True)
    if as_json:
        click.echo(json.dumps([_row(model) for model in models], indent=2))
        return
    if not models:
        click.echo("no model is installed: pip install asem-organelle-mito, or see `asem zoo pull --help`")
    for model in models:
        click.echo(_text(model))


def _row(model: Listed) -> dict[str, Any]:
    from asem_core.zoo.manifest import manifest_values

    return {
        "organelle": model.organelle,
        "distribution": model.distribution,
        "folder": str(model.folder),
        "bytes": model.bytes,
        "weights": model.weights,
        **manifest_values(model.spec),
    }


def _text(model: Listed) -> str:
    from asem_core.zoo.find import score_text

    spec = model.spec
    voxel = " x ".join(f"{v:g}" for v in spec.voxel_size_nm)
    facts = {
        "finds": f"{model.organelle}, at {voxel} nm",
        "trained on": spec.trained_on.removeprefix("trained on "),
        "F1": score_text(spec),
        "network": f"cannot be read: asem zoo validate {spec.id}"
        if model.weights is None
        else f"{model.weights / 1e6:.2g} million weights",
        "licence": spec.licence,
        "size": f"{model.bytes / 1e6:.1f} MB",
        "where": model.distribution or f"{model.folder} (pulled or imported)",
    }
    return "\n".join([f"{spec.id} {spec.version}", *(f"  {fact:<11} {value}" for fact, value in facts.items())])
