"""``asem segment``."""

from __future__ import annotations

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
    from asem_core.volume.grey import Grey


@click.command()
@click.argument("volume", type=PLACE)
@click.option("--organelle", type=ORGANELLE, help="What to segment; `asem organelles` lists what is installed. By "
              "default what the model finds, where --model is one of ours.")  # fmt: skip
@click.option("-o", "--output", type=OUTPUT, required=True, help="OME-Zarr to make.")
@click.option("--model", type=PLACE, metavar="ID|PATH", help="Model of the organelle, by default its default model; "
              "or a package (folder or zip), also a 3D ONNX model from bioimage.io.")  # fmt: skip
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
    organelle: str | None,
    output: Path | str,
    model: str | None,
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
    """Segment one organelle in VOLUME.

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
      asem segment cell.zarr --organelle mito -o mito.zarr --dask slurm.yaml
      asem segment cell.zarr --organelle mito --model ./from-bioimage-io.zip -o mito.zarr
    """
    from asem_core.models.find import choose_organelle
    from asem_core.predict.segment import segment as run
    from asem_core.volume import open_labels, open_volume

    registry = shared_registry()
    spec = choose_organelle(organelle, model=model, registry=registry)
    opened = open_volume(volume, registry=registry, voxel_size=voxel_size)
    for note in opened.notes:
        click.echo(f"note: {note}", err=True)
    cell = None if mask is None else open_volume(mask, registry=registry, voxel_size=opened.voxel_size)
    if figures is not None:
        from asem_core.draw.overlay import check_figures

        masks = [] if cell is None else [cell]
        figures = check_figures(figures, organelle=spec.name, kind="segmentation", inputs=[opened, output, *masks])
    plans: list[Plan] = []

    def planned(plan: Plan) -> None:
        plans.append(plan)
        for note in plan.volume.notes[len(opened.notes) :]:
            click.echo(f"note: {note}", err=True)
        _print_plan(plan)

    with on_workers(dask) as executor, progress_bar() as progress:
        result = run(
            opened,
            output,
            organelle=spec,
            registry=registry,
            model=model,
            channel=channel,
            adapt=adapt,
            roi=roi,
            mask=cell,
            grey=grey,
            runtime=runtime,
            precision=precision,
            tile=tile,
            max_memory=max_memory,
            prob_dtype=prob_dtype,
            shard=shard,
            instances=instances,
            workers=workers,
            overwrite=overwrite,
            executor=executor,
            planned=planned,
            progress=progress,
        )
    click.echo(f"{result}")
    if result.separated is not None:
        click.echo(f"{result.separated}")
    if figures is not None:
        from asem_core.draw.overlay import draw_segmentation

        labels = open_labels(output, spec.name, registry=registry)
        for path in draw_segmentation(plans[0].volume, labels, figures, organelle=spec.name):
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
