"""The commands ``asem annotate open``, ``asem annotate cut`` and ``asem annotate correct``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from asem_annotate.settings import OF_SEEDS, PRESETS, Settings, choose_settings, correction_settings
from asem_core.cli import GREY, ORGANELLE, PATH, PLACE, ROI, VOXEL_SIZE, options_of, progress_bar, shared_registry
from asem_core.errors import AsemError

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


class _OpensVolumes(click.Group):
    """`asem annotate VOLUME` is `asem annotate open VOLUME`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, ["open", *args] if args and args[0] not in known else args)


@click.group(cls=_OpensVolumes, subcommand_metavar="VOLUME | COMMAND [ARGS]...")
def annotate() -> None:
    """Label organelles by a few strokes, or correct a prediction by them: in napari, or painted elsewhere.

    \b
    Examples:
      asem annotate cell.zarr --organelle mito
      asem annotate cut cell.zarr seeds.zarr --organelle mito -o cut.zarr
    """


@annotate.command("open")
@click.argument("volume", type=PLACE)
@click.option("--organelle", "organelles", type=ORGANELLE, multiple=True, default=("mito",), show_default=True,
              help="What is painted; repeat it for several.")  # fmt: skip
@click.option("--seeds", type=PATH, metavar="SEEDS.zarr", help="Seeds to begin, or to go on with; saved after every "
              "stroke. By default VOLUME_ORGANELLE_seeds.zarr in this folder.")  # fmt: skip
@click.option("--prediction", type=PLACE, help="Probabilities of the organelle: correct them instead.")
@click.option("--roi", type=ROI, help="Part of VOLUME to paint in, 512^3 voxels at most; by default that of SEEDS, or "
              "for new ones all of a small volume, 256 voxels a side of the middle of a large one.")  # fmt: skip
@_PRESET
@_GREY
@_VOXEL_SIZE
def open_in_napari(
    volume: str,
    *,
    organelles: tuple[str, ...],
    seeds: Path | None,
    prediction: str | None,
    roi: Part,
    preset: str | None,
    grey: GreyRange | None,
    voxel_size: VoxelSize | None,
) -> None:
    """Paint in VOLUME in napari: strokes of background and organelles, and the cut that they make.

    Without a command `asem annotate` does this too. Seeds are saved after every stroke, as an OME-Zarr that `asem
    annotate cut` and `correct` take.

    \b
    Examples:
      asem annotate cell.zarr --organelle mito
      asem annotate open cell.zarr --organelle er --roi 0:200,0:300,0:300 --seeds er.zarr
      asem annotate open cell.zarr --organelle mito --prediction mito.zarr
    """
    _check_napari()
    from asem_annotate.seed_file import usual_path
    from asem_annotate.session import begin
    from asem_annotate.viewer.opening import open_napari
    from asem_core.organelles import name_of

    name = name_of(organelles[0])
    ending, settings_of = ("seeds", choose_settings) if prediction is None else ("strokes", correction_settings)
    with progress_bar() as progress:
        session = begin(
            volume,
            usual_path(volume, name, ending) if seeds is None else seeds,
            organelle=organelles,
            prediction=prediction,
            settings=settings_of(name, preset=preset),
            roi=roi,
            grey=grey,
            voxel_size=voxel_size,
            registry=shared_registry(),
            progress=progress,
        )
    click.echo(f"{session.file.path}: saved after every stroke", err=True)
    open_napari(session)


def _check_napari() -> None:
    """Say what to install before anything is made."""
    from importlib.util import find_spec

    if find_spec("napari") is None:
        raise AsemError(
            "painting needs napari, which is not installed: pip install 'asem-annotate[napari]' 'PySide6<6.12'"
        )
    if not any(find_spec(binding) for binding in _QT_BINDINGS):
        raise AsemError("napari needs one of Qt's bindings, of which none is installed: pip install 'PySide6<6.12'")


_QT_BINDINGS = ("PySide6", "PyQt6", "PyQt5", "PySide2")


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
    another stroke only the cut is made again. More than 512^3 voxels are cut block by block, all of it every time. The
    defaults below are those of mito; other organelles have their own.

    \b
    Examples:
      asem annotate cut cell.zarr seeds.zarr --organelle mito -o cut.zarr
      asem annotate cut cell/ seeds.tif --voxel-size 5,5,5 --organelle er --organelle golgi -o cut.zarr
      asem annotate cut cell.zarr seeds.zarr --organelle mito --preset paper -o cut.zarr
    """
    from asem_annotate.cutting import cut as run
    from asem_core.organelles import name_of

    registry = shared_registry()
    with progress_bar() as progress:
        made = run(
            volume,
            seeds,
            output=output,
            organelle=organelles,
            prediction=prediction,
            settings=choose_settings(name_of(organelles[0]), preset=preset, **changed),
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
    from asem_annotate.correcting import correct as run
    from asem_core.organelles import name_of

    registry = shared_registry()
    with progress_bar() as progress:
        made = run(
            volume,
            strokes,
            prediction=prediction,
            output=output,
            organelle=organelle,
            settings=correction_settings(name_of(organelle), preset=preset, **changed),
            threshold=threshold,
            roi=roi,
            grey=grey,
            voxel_size=voxel_size,
            registry=registry,
            overwrite=overwrite,
            progress=progress,
        )
    _print(made, as_json=as_json)


for _verb, _without in ((cut, ()), (correct, OF_SEEDS)):
    _verb.params += [option for option in options_of(Settings, beside=_verb.params) if option.name not in _without]


def _print(made: Any, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(attrs.asdict(made) | {"path": str(made.path), "part": str(made.part)}, indent=2))
    else:
        click.echo(f"{made}")
