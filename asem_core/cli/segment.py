"""``asem segment``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.dask import DASK, on_workers
from asem_core.cli.options import BYTES, FOLDER, GREY, ORGANELLE, OUTPUT, PLACE, ROI, SHARD, TILE, VOXEL_SIZE, WEIGHT
from asem_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from asem_core.geometry import Box, Triple, VoxelSize
    from asem_core.predict.plan import Plan
    from asem_core.predict.quantise import ProbDtype
    from asem_core.volume import Volume
    from asem_core.volume.grey import Grey


@click.command()
@click.argument("volume", type=PLACE)
@click.option("--organelle", "organelles", type=ORGANELLE, multiple=True,
              help="What to segment; `asem organelles` lists what is installed. By default what the model finds, where "
              "--model is one of ours. Several, each with a -o: the volume is read once for all.")  # fmt: skip
@click.option("-o", "--output", "outputs", type=OUTPUT, required=True, multiple=True, help="OME-Zarr to make; one for "
              "each organelle, in the same order.")  # fmt: skip
@click.option("--model", "models", type=PLACE, multiple=True, metavar="ID|PATH|URL",
              help="Model of the organelle, by default its default model; or a package (folder or zip), also a 3D ONNX "
              "model from bioimage.io; or ZOO/models/ID. For several organelles none, or one for each.")  # fmt: skip
@click.option("--channel", metavar="NAME|NUMBER", help="Output channel, where a model from elsewhere has several.")
@click.option("--adapt", type=WEIGHT, metavar="[WEIGHT]", is_flag=False, flag_value="default",
              help="Adapt the model to the volume first, without labels (docs/adapt.md): how far it follows tissue "
              "unlike that of its training, 0 to 1.")  # fmt: skip
@click.option(
    "--roi",
    type=ROI,
    help="Only a part: voxels, half-open, or nm (0:500,0:500,0:500nm). Predicted as in the whole volume; with the same "
    "--tile bit by bit.",
)
@click.option("--mask", type=PLACE, help="Cell mask on the volume's grid; nothing is predicted where it is 0.")
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, where the volume does not state it.")
@click.option("--grey", type=GREY, help="Grey levels that become 0 and 255, such as 0:4095 for 12 bits, 255:0 for an "
              "inverted image; auto: found from the volume. By default the full range of its type.")  # fmt: skip
@click.option("--runtime", default="auto", show_default=True,
              help="auto (the first in rank that works), onnxruntime, openvino, tensorrt or a plugin's.")  # fmt: skip
@click.option("--precision", default="auto", show_default=True, metavar="auto|f32|f16|bf16|int8",
              help="Arithmetic; auto: the fastest that model and device have, f32 for others' models.")  # fmt: skip
@click.option("--tile", type=TILE, help="Input sides of a tile, in voxels of the model; for ours 112, 120, 128 ... "
              "By default those that read least in all and fit into --max-memory.")  # fmt: skip
@click.option("--max-memory", type=BYTES, help="Such as 4GB; by default two fifths of what is free now: on the "
              "machine, in the container or batch job, on the GPU.")  # fmt: skip
@click.option("--prob-dtype", type=click.Choice(["uint8", "float32"]), default="uint8", show_default=True,
              help="Of the probability map; uint8 holds round(255 p).")  # fmt: skip
@SHARD
@click.option("--instances", is_flag=True, help="Also give every object an id, those that touch too, as `asem "
              "instances` does with the organelle's own numbers.")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), help="Threads that compute; by default one a core.")
@click.option("--figures", type=FOLDER, help="Write overlay pictures here.")
@DASK
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it is a volume already.")
def segment(
    volume: str,
    *,
    organelles: tuple[str, ...],
    outputs: tuple[Path | str, ...],
    models: tuple[str, ...],
    channel: str | None,
    adapt: float | None,
    roi: Box | None,
    mask: str | None,
    voxel_size: VoxelSize | None,
    grey: Grey,
    runtime: str,
    precision: str,
    tile: int | Triple | None,
    max_memory: int | None,
    prob_dtype: ProbDtype,
    shard: int | Triple | None,
    instances: bool,
    workers: int | None,
    figures: Path | None,
    dask: str | None,
    overwrite: bool,
) -> None:
    """Segment an organelle in VOLUME, or several.

    OUTPUT is one OME-Zarr on the volume's own grid: its image is the probability map, labels/ORGANELLE the
    segmentation, and with --instances labels/ORGANELLE_instances an id for every object. A run that was stopped goes on
    when the same command is given again.

    \b
    Examples:
      asem segment cell.zarr --organelle mito -o mito.zarr
      asem segment sections/ --voxel-size 5,5,5 --organelle mito -o mito.zarr --max-memory 4GB
      asem segment cell.zarr --model runs/lysosome/model -o lysosome.zarr
      asem segment cell.zarr --organelle mito -o mito.zarr --adapt
      asem segment cell.zarr --organelle mito -o mito.zarr --instances
      asem segment cell.zarr --organelle mito -o mito.zarr --organelle er -o er.zarr
      asem segment cell.zarr --organelle mito -o mito.zarr --dask slurm.yaml
      asem segment cell.zarr --organelle mito --model ./from-bioimage-io.zip -o mito.zarr
    """
    from asem_core.models.find import choose_organelle
    from asem_core.predict import Wanted, segment_together
    from asem_core.volume import as_volume, open_volume

    registry = shared_registry()
    asked = list(_asked(organelles, outputs, models))
    specs = [choose_organelle(organelle, model=model, registry=registry) for organelle, _, model in asked]
    opened = open_volume(volume, registry=registry, voxel_size=voxel_size)
    for note in opened.notes:
        click.echo(f"note: {note}", err=True)
    cell = (
        None
        if mask is None
        else as_volume(mask, registry=registry, voxel_size=opened.voxel_size, only_if_unstated=True)
    )
    if figures is not None:
        from asem_core.draw.overlay import check_figures

        inputs: list[Volume | str | Path] = [opened, *outputs, *([] if cell is None else [cell])]
        folders = [check_figures(figures, organelle=s.name, kind="segmentation", inputs=inputs) for s in specs]
    plans: list[Plan] = []

    def planned(plan: Plan) -> None:
        plans.append(plan)
        for note in plan.volume.notes[len(opened.notes) :]:
            click.echo(f"note: {note}", err=True)
        if len(outputs) > 1:
            click.echo(f"{plan.organelle.name} by {plan.model.id}:", err=True)
        _print_plan(plan)

    wanted = [
        Wanted(output=output, organelle=spec, model=model, channel=channel, adapt=adapt, instances=instances)
        for spec, (_, output, model) in zip(specs, asked, strict=True)
    ]
    with on_workers(dask) as executor, progress_bar() as progress:
        results = segment_together(
            opened,
            wanted,
            registry=registry,
            roi=roi,
            mask=cell,
            grey=grey,
            runtime=runtime,
            precision=precision,
            tile=tile,
            max_memory=max_memory,
            prob_dtype=prob_dtype,
            shard=shard,
            workers=workers,
            overwrite=overwrite,
            executor=executor,
            planned=planned,
            progress=progress,
        )
    for result in results:
        click.echo(f"{result}")
        if result.separated is not None:
            click.echo(f"{result.separated}")
    if figures is not None:
        for plan, folder in zip(plans, folders, strict=True):
            _draw(plan, folder)


def _asked(
    organelles: Sequence[str], outputs: Sequence[Path | str], models: Sequence[str]
) -> Iterator[tuple[str | None, Path | str, str | None]]:
    """Organelle, output and model of each that is wanted."""
    for given, name in ((organelles, "--organelle"), (models, "--model")):
        if len(given) not in (0, len(outputs)):
            raise click.UsageError(
                f"{len(given)} {name} and {len(outputs)} --output: every organelle needs an output of its own, in the "
                "same order"
            )
    for number, output in enumerate(outputs):
        yield organelles[number] if organelles else None, output, models[number] if models else None


def _draw(plan: Plan, figures: Path) -> None:
    from asem_core.draw.overlay import draw_segmentation
    from asem_core.volume import open_labels

    name = plan.organelle.name
    labels = open_labels(str(plan.output), name, registry=shared_registry())
    for path in draw_segmentation(plan.volume, labels, figures, organelle=name):
        click.echo(f"{path}")


def _print_plan(plan: Plan) -> None:
    grids, need = plan.grids, plan.preflight
    resumed = " (resuming)" if plan.resumed else ""
    if plan.adapted is not None:
        click.echo(f"{plan.model.id} {plan.adapted}", err=True)
    way = "" if grids.route == "as is" else f", resampled to the model's {grids.model_size}"
    click.echo(f"{plan.volume.uri}: {plan.roi.shape} voxels of {plan.volume.voxel_size}{way}{resumed}", err=True)
    click.echo(
        f"{len(plan.tiles)} tile{'s' * (len(plan.tiles) != 1)} of {plan.lattice} voxels "
        f"with {plan.chosen.runtime} {plan.chosen.precision}; "
        f"expected: {need.memory / 1e9:.1f} GB memory, up to {need.disk / 1e9:.2f} GB disk, "
        f"about {_minutes(need.seconds)}",
        err=True,
    )


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
