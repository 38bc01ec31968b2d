"""``asem zoo list``."""

from __future__ import annotations

import json

import click


@click.command("list", epilog="Example: asem zoo list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def list_(*, as_json: bool) -> None:
    """List the installed models."""
    from rich.console import Console
    from rich.table import Table

    from asem_core.cli.zoo.installed import models
    from asem_core.registry import make_registry
    from asem_core.zoo.manifest import manifest_values

    registry = make_registry()
    found = models(registry)
    if as_json:
        owners = {o.name: registry.organelles.plugin_of(o.name).distribution for o, _ in found}
        rows = [{"organelle": o.name, "distribution": owners[o.name], **manifest_values(m)} for o, m in found]
        click.echo(json.dumps(rows, indent=2))
        return
    if not found:
        click.echo("no model is installed: pip install asem-organelle-mito")
        return
    table = Table("model", "version", "organelle", "voxel nm", "distribution", "trained on", box=None, pad_edge=False)
    for organelle, model in found:
        voxel = " x ".join(f"{v:g}" for v in model.voxel_size_nm)
        owner = registry.organelles.plugin_of(organelle.name).distribution
        table.add_row(model.id, model.version, organelle.name, voxel, owner, model.trained_on)
    Console().print(table)
