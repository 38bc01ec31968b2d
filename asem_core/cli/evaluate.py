"""``asem evaluate``: scores of a segmentation against ground truth, and pictures of where it is wrong."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.dask import DASK, on_workers
from asem_core.cli.options import ALLOW_UNFINISHED, FILE, FOLDER, GREY, ORGANELLE, PLACE, VOXEL_SIZE
from asem_core.cli.progress import progress_bar
from asem_core.errors import AsemError
from asem_core.geometry import VoxelSize
from asem_core.stage_text import stage_text

if TYPE_CHECKING:
    from rich.table import Table

    from asem_core.evaluation import Evaluation, ObjectEvaluation
    from asem_core.volume.grey import Grey


@click.command()
@click.argument("prediction", metavar="PRED", type=PLACE)
@click.argument("labels", metavar="LABELS", type=PLACE)
@click.option("--organelle", type=ORGANELLE, required=True,
              help="Which organelle: its exclusion zone and its labels in a container.")  # fmt: skip
@click.option("--mask", type=PLACE, help="Volume that is 0 where nothing is to be scored.")
@click.option("--ignore-label", type=int, metavar="ID", help="Value of LABELS that means not known, such as -1: such "
              "voxels are not scored.")  # fmt: skip
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, for those inputs that do not state theirs (TIFF folders).")
@click.option(
    "--zone",
    metavar="D,E|PRESET|ZONE[:P=V,...]",
    help="Exclusion zone: dilate,erode in voxels of 5 nm; a preset of the organelle: paper (default), incasem; or "
    "another zone by its name.",
)
@click.option("--objects", is_flag=True, help="Score objects too: F1, average precision, panoptic quality.")
@click.option(
    "--iou", type=click.FloatRange(min=0, max=1, min_open=True), help="Least overlap of a match.  [default: 0.5]"
)
@click.option(
    "--min-voxels",
    type=click.IntRange(min=0),
    metavar="N",
    help="Drop smaller predicted objects (voxels of 5 nm).  [default: 0]",
)
@click.option("--ignore-border", is_flag=True, help="Ignore objects cut by a face of the volume or by the mask.")
@click.option(
    "--objects-table",
    type=FILE,
    metavar="FILE.csv",
    help="List every object: where it is (nm), matched or not, with what.",
)
@click.option("--figures", type=FOLDER, help="Write overlay pictures here.")
@click.option("--raw", type=PLACE, help="Background of the pictures; by default the image "
              "that PRED was made from, where it is still there.")  # fmt: skip
@click.option("--grey", type=GREY, help="Its levels that are drawn black and white, such as 0:4095; auto: one choice "
              "for all pictures. By default the 0.5th and 99.5th percentile of each.")  # fmt: skip
@click.option("--allow-unfinished", is_flag=True, help=ALLOW_UNFINISHED)
@DASK
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def evaluate(
    prediction: str,
    labels: str,
    *,
    organelle: str,
    mask: str | None,
    ignore_label: int | None,
    voxel_size: VoxelSize | None,
    zone: str | None,
    objects: bool,
    iou: float | None,
    min_voxels: int | None,
    ignore_border: bool,
    objects_table: Path | None,
    figures: Path | None,
    raw: str | None,
    grey: Grey,
    allow_unfinished: bool,
    dask: str | None,
    as_json: bool,
) -> None:
    """Score the segmentation PRED against the ground truth LABELS.

    Both are volumes in any format, or containers: of an OME-Zarr, such as `asem segment` writes, labels/ORGANELLE
    is taken. Non-zero is the organelle. Prints precision, recall, F1 and IoU with and without the exclusion zone, the
    shell around the true boundary where human annotators disagree too. With --objects, objects are matched one to
    one; ids in the labels are used as they are, a mask is split into its connected components.

    \b
    Examples:
      asem evaluate cell.zarr truth_tiffs/ --organelle mito --voxel-size 5,5,5 --figures pictures/
      asem evaluate pores.zarr truth.zarr --organelle pore --objects --min-voxels 50 --objects-table pores.csv
    """
    from asem_core.evaluation import evaluate as score
    from asem_core.evaluation import evaluate_objects, write_object_table
    from asem_core.evaluation.background import raw_behind
    from asem_core.evaluation.object_table import check_table
    from asem_core.labels.plan import choose_zone
    from asem_core.organelles import find_organelle
    from asem_core.volume.check import settled_range
    from asem_core.volume.opening import as_volume

    if raw is not None and figures is None:
        raise AsemError("--raw is the background of pictures: say where they go with --figures FOLDER")
    if grey is not None and figures is None:
        raise AsemError("--grey is about the background of pictures: say where they go with --figures FOLDER")
    if not objects and (iou, min_voxels, ignore_border, objects_table) != (None, None, False, None):
        raise AsemError("--iou, --min-voxels, --ignore-border and --objects-table are about objects: add --objects")
    registry = shared_registry()
    spec = find_organelle(organelle, registry)
    chosen = None if zone is None else choose_zone(spec, zone, registry=registry)  # before anything is opened
    opened = partial(
        as_volume, registry=registry, voxel_size=voxel_size, only_if_unstated=True, allow_unfinished=allow_unfinished
    )
    predicted, truth = opened(prediction, labels=spec.name), opened(labels, labels=spec.name)
    background = opened(raw) if raw is not None else None
    if figures is not None and raw is None:
        background, said = raw_behind(predicted, truth, registry=registry)
        shown = (
            f"background of the pictures: {said}" if background else f"pictures without background: {said}; see --raw"
        )
        click.echo(f"note: {shown}", err=True)
    kept = opened(mask) if mask is not None else None
    read = [volume for volume in (predicted, truth, background, kept) if volume is not None]
    for note in (note for volume in read for note in volume.notes):
        click.echo(f"note: {note}", err=True)
    if objects_table is not None:
        objects_table = check_table(objects_table, inputs=read)
    if figures is not None:
        from asem_core.draw.overlay import check_figures

        figures = check_figures(figures, organelle=spec.name, kind="evaluation", inputs=read)
    if objects and not spec.instances:
        click.echo(f"note: {spec.title} are one network: scores of separate objects say little", err=True)
    with on_workers(dask) as executor, progress_bar() as progress:
        evaluation = score(
            predicted,
            truth,
            organelle=spec,
            registry=registry,
            executor=executor,
            progress=progress,
            mask=kept,
            zone=chosen,
            ignore_label=ignore_label,
        )
        of_objects = (
            evaluate_objects(
                predicted,
                truth,
                mask=kept,
                ignore_label=ignore_label,
                iou=0.5 if iou is None else iou,
                min_voxels=min_voxels or 0,
                ignore_border=ignore_border,
                executor=executor,
                progress=progress,
            )
            if objects
            else None
        )
    if of_objects is not None and objects_table is not None:
        write_object_table(of_objects, objects_table, inputs=read)
    pictures: list[Path] = []
    if figures is not None:
        from asem_core.draw.overlay import draw_evaluation

        pictures = draw_evaluation(
            background,
            predicted,
            truth,
            figures,
            organelle=spec.name,
            mask=kept,
            ignore_label=ignore_label,
            grey_range=None if background is None else settled_range(background, grey),
        )
    if as_json:
        document = {**evaluation.to_json(), "figures": [str(path) for path in pictures]}
        if of_objects is not None:
            document["objects"] = of_objects.to_json()
        click.echo(json.dumps(document, indent=2, default=str))
        return
    _print(evaluation)
    if of_objects is not None:
        _print_objects(of_objects)
    for path in pictures:
        click.echo(f"picture: {path}")
    if objects_table is not None:
        click.echo(f"table of objects: {objects_table}")


def _print(evaluation: Evaluation) -> None:
    from rich.table import Table

    scores = evaluation.scores
    table = Table("", "precision", "recall", "F1", "IoU", "TP", "FP", "FN", title=f"{evaluation.organelle} (voxels)")
    for name, score in (("with zone", scores.with_zone), ("without zone", scores.without_zone)):
        ratios = (f"{ratio:.4f}" for ratio in (score.precision, score.recall, score.f1, score.iou))
        table.add_row(name, *ratios, *(f"{count:,}" for count in (score.tp, score.fp, score.fn)))
    _print_table(table)
    click.echo(f"zone {stage_text(evaluation.zone.on(evaluation.voxel_size))}")
    excluded, compared = evaluation.excluded_voxels, evaluation.compared_voxels
    click.echo(f"excluded by the zone: {excluded:,} of {compared:,} voxels ({excluded / compared:.1%})")


def _print_objects(evaluation: ObjectEvaluation) -> None:
    from rich.table import Table

    table = Table("", "precision", "recall", "F1", "SQ", "PQ", "TP", "FP", "FN", title="objects (one to one)")
    for name, found in ((f"IoU >= {evaluation.iou:g}", evaluation.at_iou), ("any overlap", evaluation.any_overlap)):
        count = found.count
        ratios = (count.precision, count.recall, count.f1, found.segmentation_quality, found.panoptic_quality)
        table.add_row(name, *(f"{r:.4f}" for r in ratios), *(f"{n:,}" for n in (count.tp, count.fp, count.fn)))
    _print_table(table)
    by_iou = evaluation.by_iou
    some = "; ".join(f"at IoU {iou:.2f}: {by_iou[iou].average_precision:.4f}" for iou in (0.5, 0.75))
    click.echo(
        f"average precision TP / (TP + FP + FN), IoU 0.50:0.05:0.95: {evaluation.average_precision:.4f} ({some})"
    )
    for name, side in (("truth", evaluation.truth), ("prediction", evaluation.prediction)):
        ignored = f"; {side.ignored:,} ignored" if evaluation.ignore_border else ""
        click.echo(
            f"{name}: {side.objects:,} objects (by {side.found_by}); {side.touch_none:,} touch nothing of the other, "
            f"{side.touch_several:,} several objects{ignored}"
        )
    if evaluation.min_voxels:
        click.echo(f"predicted objects below {evaluation.min_voxels:,} voxels of 5 nm, dropped: {evaluation.dropped:,}")


def _print_table(table: Table) -> None:
    from rich.console import Console

    for column in table.columns[1:]:
        column.justify = "right"
    Console(highlight=False, soft_wrap=True, width=110).print(table)
