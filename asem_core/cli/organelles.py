"""``asem organelles``: what can be segmented."""

from __future__ import annotations

import json

import click


@click.command(epilog="Example: asem organelles")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def organelles(*, as_json: bool) -> None:
    """List the installed organelles with their parameters and models.

    Widths are voxels of a 5 nm grid; on another grid they are scaled.
    """
    import attrs

    from asem_core.registry import make_registry

    specs = make_registry().organelles
    if as_json:
        click.echo(json.dumps([attrs.asdict(spec) for spec in specs.values()], indent=2))
        return
    if not specs:
        click.echo("no organelle is installed: pip install asem-organelle-mito")
    for spec in specs.values():
        zone = spec.exclusion_zone
        click.echo(f"{spec.name}: {spec.title}")
        for stage in spec.cleanup:
            values = ", ".join(f"{key} {value}" for key, value in stage.params.items())
            click.echo(f"  clean-up        {stage.name} ({values})")
        click.echo(f"  dilate labels   {spec.dilate_voxels}")
        click.echo(f"  exclusion zone  {zone.dilate} out, {zone.erode} in")
        click.echo(f"  threshold       {spec.threshold:g}")
        for model in spec.models:
            default = " (default)" if model.id == spec.default_model else ""
            voxel = " x ".join(f"{v:g}" for v in model.voxel_size_nm)
            click.echo(f"  model           {model.id} {model.version}, {voxel} nm, {model.trained_on}{default}")
