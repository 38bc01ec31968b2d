"""``asem info``: what a volume is. Of its voxels only a sample is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import ALLOW_UNFINISHED, PLACE, VOXEL_SIZE

if TYPE_CHECKING:
    from asem_core.geometry import VoxelSize
    from asem_core.registry import Registry
    from asem_core.volume import Volume
    from asem_core.volume.grey import GreyLevels


@click.command()
@click.argument("volume", type=PLACE)
@click.option("--voxel-size", type=VOXEL_SIZE, help="Voxel size in nm, where VOLUME does not state it.")
@click.option("--allow-unfinished", is_flag=True, help=ALLOW_UNFINISHED)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(volume: str, *, voxel_size: VoxelSize | None, allow_unfinished: bool, as_json: bool) -> None:
    """Show shape, type, voxel size, position, levels, labels and grey levels of VOLUME. All triples are z, y, x.

    Grey levels are those of an evenly spread sample of a local file, without padding and empty resin. A warning says
    where they are unlike what the installed models were trained on, and what to give to `asem segment`.

    \b
    Example:
      asem info cell.zarr
    """
    import attrs

    from asem_core.volume import open_volume
    from asem_core.volume.facts import describe

    registry = shared_registry()
    opened = open_volume(volume, registry=registry, voxel_size=voxel_size, allow_unfinished=allow_unfinished)
    levels, warning = _grey(opened, registry)
    facts = {**describe(opened), "grey": None if levels is None else attrs.asdict(levels), "warning": warning}
    click.echo(json.dumps(facts, indent=2) if as_json else _as_text(facts, levels))


def _grey(volume: Volume, registry: Registry) -> tuple[GreyLevels | None, str | None]:
    """Of a sample, and what is wrong with them."""
    from asem_core.errors import AsemError
    from asem_core.volume.address import is_remote
    from asem_core.volume.check import grey_facts

    if is_remote(volume.uri):  # a look at the metadata must not fetch, or draw, blocks
        return None, None

    models = [
        model for organelle in registry.organelles.values() for model in organelle.models
        if model.id == organelle.default_model
    ]  # fmt: skip
    try:
        return grey_facts(volume, models=models)
    except AsemError as error:
        return None, f"no sample of the voxels could be read: {error}"


def _as_text(facts: Mapping[str, Any], levels: GreyLevels | None) -> str:
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
        *([] if levels is None else [("grey levels", str(levels))]),
        *(("note", note) for note in facts["notes"]),
        *([("warning", facts["warning"])] if facts["warning"] else []),
    ]
    if facts["provenance"]:
        rows.append(("made by", _maker(facts["provenance"])))
    return "\n".join(f"{name:<12}{text}" for name, text in rows)


def _maker(provenance: Mapping[str, Any]) -> str:
    """The command, its version and its input in words; ``--json`` has all of it."""
    source = provenance.get("source")
    given = source.get("uri") if isinstance(source, Mapping) else None
    settings = provenance.get("settings")
    model = settings.get("model") if isinstance(settings, Mapping) else None
    words = [f"{provenance.get('made_by', 'ASEM')}, version {provenance.get('asem_core', 'unknown')}"]
    words += [f"model {model.get('id')}"] if isinstance(model, Mapping) else []
    words += [f"from {given}"] if given else []
    return ", ".join(words)


def _times(values: Sequence[float]) -> str:
    return " x ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
