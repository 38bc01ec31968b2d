"""``asem evaluate``: scores of a segmentation against ground truth, and pictures of where it is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.options import VOXEL_SIZE, progress_bar
from asem_core.errors import AsemError, VolumeError
from asem_core.geometry import VoxelSize

if TYPE_CHECKING:
    from asem_core.evaluate import Evaluation
    from asem_core.volume import Volume


@click.command()
@click.argument("prediction", metavar="PRED")
@click.argument("labels", metavar="LABELS")
@click.option("--organelle", required=True, help="Which organelle: its exclusion zone and its labels in a container.")
@click.option("--mask", help="Volume that is 0 where nothing is to be scored.")
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, for those inputs that do not state theirs (TIFF folders).")
@click.option(
    "--zone",
    metavar="D,E|PRESET",
    help="Exclusion zone: dilate,erode in voxels of 5 nm, or the organelle's presets: paper (default), incasem.",
)
@click.option("--figures", type=click.Path(path_type=Path, file_okay=False), help="Write overlay pictures here.")
@click.option("--raw", help="Background of the pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def evaluate(
    prediction: str,
    labels: str,
    *,
    organelle: str,
    mask: str | None,
    voxel_size: VoxelSize | None,
    zone: str | None,
    figures: Path | None,
    raw: str | None,
    as_json: bool,
) -> None:
    """Score the segmentation PRED against the ground truth LABELS.

    Both are volumes in any format, or containers: of an OME-Zarr, such as `asem segment` writes, labels/ORGANELLE
    is taken. Non-zero is the organelle. Prints precision, recall, F1 and IoU with and without the exclusion zone, the
    shell around the true boundary where human annotators disagree too.

    \b
    Example:
      asem evaluate cell.zarr truth_tiffs/ --organelle mito --voxel-size 5,5,5 --figures pictures/
    """
    from asem_core.evaluate import draw_evaluation
    from asem_core.evaluate import evaluate as score
    from asem_core.labels.plan import choose_zone
    from asem_core.registry import make_registry
    from asem_core.volume import open_labels, open_volume

    if raw is not None and figures is None:
        raise AsemError("--raw is the background of pictures: say where they go with --figures FOLDER")
    registry = make_registry()
    spec = registry.organelles[organelle]
    chosen = choose_zone(spec, zone) if zone is not None else None

    def opened(uri: str, open_as: Callable[..., Volume], *name: str) -> Volume:
        # A given voxel size is for inputs without one: it must not hide that two inputs disagree.
        try:
            return open_as(uri, *name, registry=registry)
        except VolumeError:
            if voxel_size is None:
                raise
            return open_as(uri, *name, registry=registry, voxel_size=voxel_size)

    predicted, truth = opened(prediction, open_labels, organelle), opened(labels, open_labels, organelle)
    background = opened(raw, open_volume) if raw is not None else None
    with progress_bar() as progress:
        evaluation = score(
            predicted, truth, organelle=spec, registry=registry, progress=progress,
            mask=opened(mask, open_volume) if mask is not None else None,
            zone=chosen,
        )  # fmt: skip
    pictures = draw_evaluation(background, predicted, truth, figures, organelle=organelle) if figures else []
    if as_json:
        document = {**evaluation.to_json(), "figures": [str(path) for path in pictures]}
        click.echo(json.dumps(document, indent=2, default=str))
    else:
        _print(evaluation, pictures)


def _print(evaluation: Evaluation, pictures: list[Path]) -> None:
    from rich.console import Console
    from rich.table import Table

    zone, scores = evaluation.zone, evaluation.scores
    table = Table("", "precision", "recall", "F1", "IoU", "TP", "FP", "FN", title=f"{evaluation.organelle} (voxels)")
    for name, score in (("with zone", scores.with_zone), ("without zone", scores.without_zone)):
        ratios = (f"{ratio:.4f}" for ratio in (score.precision, score.recall, score.f1, score.iou))
        table.add_row(name, *ratios, *(f"{count:,}" for count in (score.tp, score.fp, score.fn)))
    for column in table.columns[1:]:
        column.justify = "right"
    console = Console(highlight=False, soft_wrap=True, width=110)
    console.print(table)
    for word, voxels, nm in (("out", zone.dilate_voxels, zone.dilate_nm), ("in", zone.erode_voxels, zone.erode_nm)):
        widths = f"{voxels} voxels = ({', '.join(f'{v:g}' for v in nm)}) nm"
        console.print(f"zone {zone.name}, {word}wards (z, y, x): {widths}")
    excluded, compared = evaluation.excluded_voxels, evaluation.compared_voxels
    console.print(f"excluded by the zone: {excluded:,} of {compared:,} voxels ({excluded / compared:.1%})")
    for path in pictures:
        console.print(f"picture: {path}")
