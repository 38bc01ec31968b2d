"""``asem info``: what a volume is, without reading it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from asem_core.cli.options import ALLOW_UNFINISHED, PLACE, VOXEL_SIZE

if TYPE_CHECKING:
    from asem_core.geometry import VoxelSize


@click.command()
@click.argument("volume", type=PLACE)
@click.option("--voxel-size", type=VOXEL_SIZE, help="Voxel size in nm, where VOLUME does not state it.")
@click.option("--allow-unfinished", is_flag=True, help=ALLOW_UNFINISHED)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(volume: str, *, voxel_size: VoxelSize | None, allow_unfinished: bool, as_json: bool) -> None:
    """Show shape, type, voxel size, position, levels and labels of VOLUME. All triples are z, y, x.

    \b
    Example:
      asem info cell.zarr
    """
    from asem_core.volume import open_volume
    from asem_core.volume.describe import describe

    facts = describe(open_volume(volume, voxel_size=voxel_size, allow_unfinished=allow_unfinished))
    click.echo(json.dumps(facts, indent=2) if as_json else _as_text(facts))


def _as_text(facts: Mapping[str, Any]) -> str:
    rows = [
        ("volume", facts["uri"]),
        ("format", facts["format"]),
        ("shape", f"{_times(facts['shape'])} voxels, {facts['dtype']}, {facts['bytes'] / 1e9:.3g} GB unpacked"),
        ("voxel size", f"{_times(facts['voxel_size_nm'])} nm"),
        ("size", f"{_times(facts['size_um'])} um"),
        ("lower edge", f"{', '.join(f'{v:g}' for v in facts['lower_edge_nm'])} nm"),
        ("chunks", _times(facts["chunks"])),
        ("levels", "; ".join(_times(shape) for shape in facts["levels"])),
        ("labels", ", ".join(facts["labels"]) or "none"),
        *(("note", note) for note in facts["notes"]),
    ]
    if facts["provenance"]:
        rows.append(("provenance", json.dumps(facts["provenance"])))
    return "\n".join(f"{name:<12}{text}" for name, text in rows)


def _times(values: Sequence[float]) -> str:
    return " x ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
