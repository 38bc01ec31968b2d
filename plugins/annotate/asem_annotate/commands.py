"""The commands ``asem annotate cut`` and ``asem annotate correct``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from asem_annotate.settings import PRESETS, Settings, choose_settings
from asem_core.cli import GREY, ORGANELLE, PATH, PLACE, ROI, VOXEL_SIZE, options_of, progress_bar, shared_registry

if TYPE_CHECKING:
    from asem_core.geometry import Box, BoxNm, VoxelSize
    from asem_core.volume import GreyRange

    Part = Box | BoxNm | None

_ROI = click.option("--roi", type=ROI, help="Part of VOLUME to annotate; by default all that is marked on.")
_GREY = click.option("--grey", type=GREY, help="Grey levels that become 0 and 255, as for `asem segment`.")
_VOXEL_SIZE = click.option("--voxel-size", type=VOXEL_SIZE, help="nm, for inputs that do not state theirs.")
_PRESET = click.option(
    "--preset", type=click.Choice(list(PRESETS)), help="Settings to begin with; by default the organelle's."
)
_OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it is a volume already.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")


@click.group()
def annotate() -> None:
    """Label organelles by a few strokes, or correct a prediction by them."""


@annotate.command()
@click.argument("volume", type=PLACE)
@click.argument("seeds", type=PLACE)
@click.option("--organelle", "organelles", type=ORGANELLE, multiple=True, required=True,
              help="Of the value 2 in SEEDS; repeat it for 3 and up.")  # fmt: skip
@click.option("-o", "--output", type=PATH, required=True, help="OME-Zarr to make.")
@click.option("--prediction", type=PLACE, help="Probabilities of the first organelle, which count too.")
@_ROI
@_PRESET
@_GREY
@_VOXEL_SIZE
@_OVERWRITE
@_JSON
def cut(
    volume: str,
    seeds: str,
    *,
    organelles: tuple[str, ...],
    output: Path,
    prediction: str | None,
    roi: Part,
    preset: str | None,
    grey: GreyRange | None,
    voxel_size: VoxelSize | None,
    overwrite: bool,
    as_json: bool,
    **changed: Any,
) -> None:
    """Label organelles in VOLUME from SEEDS by a graph cut.

    SEEDS lie on the grid of VOLUME, painted in any program: 0 nothing, 1 background, 2 the organelle, 3 and up further
    ones. OUTPUT holds the image and labels/ORGANELLE. What took long is kept beside SEEDS (SEEDS.prepared): after
    another stroke only the cut is made again. The defaults below are those of mito; other organelles have their own.

    \b
    Examples:
      asem annotate cut cell.zarr seeds.zarr --organelle mito -o cut.zarr
      asem annotate cut cell/ seeds.tif --voxel-size 5,5,5 --organelle er --organelle golgi -o cut.zarr
      asem annotate cut cell.zarr seeds.zarr --organelle mito --preset paper -o cut.zarr
    """
    from asem_annotate.cutting import cut as run

    registry = shared_registry()
    with progress_bar() as progress:
        made = run(
            volume,
            seeds,
            output=output,
            organelle=organelles,
            prediction=prediction,
            settings=_settings(organelles[0], preset, changed),
            roi=roi,
            grey=grey,
            voxel_size=voxel_size,
            registry=registry,
            overwrite=overwrite,
            progress=progress,
        )
    _print(made, as_json=as_json)


@annotate.command()
@click.argument("volume", type=PLACE)
@click.argument("strokes", type=PLACE)
@click.option("--prediction", type=PLACE, required=True, help="Probabilities, such as `asem segment` makes.")
@click.option("--organelle", type=ORGANELLE, required=True, help="What was predicted.")
@click.option("-o", "--output", type=PATH, required=True, help="OME-Zarr to make.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Of the prediction; by default the organelle's.")
@_ROI
@_PRESET
@_GREY
@_VOXEL_SIZE
@_OVERWRITE
@_JSON
def correct(
    volume: str,
    strokes: str,
    *,
    prediction: str,
    organelle: str,
    output: Path,
    threshold: float | None,
    roi: Part,
    preset: str | None,
    grey: GreyRange | None,
    voxel_size: VoxelSize | None,
    overwrite: bool,
    as_json: bool,
    **changed: Any,
) -> None:
    """Correct a prediction by STROKES where it is wrong; everything else stays as it was predicted.

    STROKES lie on the grid of VOLUME: 0 nothing, 1 not the organelle, 2 the organelle. OUTPUT holds the image,
    labels/ORGANELLE, and labels/training, on which `asem finetune` can go on. The defaults below are those of mito, but
    for the smoothness, which is 1 here.

    \b
    Examples:
      asem segment cell.zarr --organelle mito -o mito.zarr
      asem annotate correct cell.zarr strokes.zarr --prediction mito.zarr --organelle mito -o right.zarr
      asem finetune cell.zarr right.zarr/labels/training --unlabelled 0 --organelle mito -o runs/mito
    """
    from asem_annotate.correcting import SMOOTHNESS
    from asem_annotate.correcting import correct as run

    changed["smoothness"] = SMOOTHNESS if changed["smoothness"] is None else changed["smoothness"]
    registry = shared_registry()
    with progress_bar() as progress:
        made = run(
            volume,
            strokes,
            prediction=prediction,
            output=output,
            organelle=organelle,
            settings=_settings(organelle, preset, changed),
            threshold=threshold,
            roi=roi,
            grey=grey,
            voxel_size=voxel_size,
            registry=registry,
            overwrite=overwrite,
            progress=progress,
        )
    _print(made, as_json=as_json)


for _verb in (cut, correct):
    _verb.params += options_of(Settings, beside=_verb.params)


def _settings(organelle: str, preset: str | None, changed: dict[str, Any]) -> Settings:
    from asem_core.organelles import name_of

    return choose_settings(name_of(organelle), preset=preset, **changed)


def _print(made: Any, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(attrs.asdict(made) | {"path": str(made.path), "part": str(made.part)}, indent=2))
    else:
        click.echo(f"{made}")
