"""``asem organelles``: what can be segmented."""

from __future__ import annotations

import json
from pathlib import Path

import click

from asem_core.cli.context import shared_registry
from asem_core.stage_text import stage_text


@click.command(epilog="Example: asem organelles")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def organelles(*, as_json: bool) -> None:
    """List the installed organelles with their parameters and models.

    Widths are voxels of a 5 nm grid; on another grid they are scaled.
    """
    import attrs

    specs = shared_registry().organelles
    if as_json:
        click.echo(json.dumps([attrs.asdict(spec) for spec in specs.values()], indent=2))
        return
    if not specs:
        click.echo("no organelle is installed: pip install asem-organelle-mito")
    for spec in specs.values():
        click.echo(f"{spec.name}: {spec.title}")
        for stage in spec.cleanup:
            click.echo(f"  clean-up        {stage_text(attrs.asdict(stage))}")
        click.echo(f"  dilate labels   {spec.dilate_voxels}")
        click.echo(f"  exclusion zone  {stage_text(attrs.asdict(spec.exclusion_zone))}")
        click.echo(f"  threshold       {spec.threshold:g}")
        for model in spec.models:
            default = " (default)" if model.id == spec.default_model else ""
            voxel = " x ".join(f"{v:g}" for v in model.voxel_size_nm)
            click.echo(f"  model           {model.id} {model.version}, {voxel} nm, {model.trained_on}{default}")
        if spec.recipe is not None:
            click.echo(f"  recipe          {_file(spec.recipe)}")
        if spec.citation:
            click.echo(f"  cite            {spec.citation}")


def _file(path: str) -> Path:
    """Where the file ``"import_package:path"`` lies."""
    from importlib.util import find_spec

    package, _, inside = path.partition(":")
    found = find_spec(package)
    folders = (found.submodule_search_locations if found else None) or []
    return next((Path(folder, inside) for folder in folders), Path(inside))
