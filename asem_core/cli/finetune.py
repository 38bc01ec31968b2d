"""``asem finetune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FILE, FOLDER, GREY, ORGANELLE, PLACE, ROI, VOXEL_SIZE
from asem_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from asem_core.geometry import Box, VoxelSize
    from asem_core.volume.grey import Grey


@click.command()
@click.argument("volumes", nargs=-1, required=True, type=PLACE, metavar="VOLUME LABELS [VOLUME LABELS]...")
@click.option(
    "--organelle",
    type=ORGANELLE,
    help="What is labelled; by default what --model finds. `asem organelles` lists what is installed, "
    "`asem organelles new` describes another.",
)
@click.option(
    "--model",
    type=PLACE,
    metavar="ID|PATH",
    help="Model to begin from, by default the organelle's; also another organelle's that looks alike.",
)
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    required=True,
    help="Folder of the run, its pictures and the new model; an unfinished run in it goes on.",
)
@click.option(
    "--roi",
    "rois",
    type=ROI,
    multiple=True,
    help="Box that is labelled in full, where the labels do not say by being smaller; may be repeated.",
)
@click.option(
    "--unlabelled",
    type=int,
    metavar="VALUE",
    help="Value of voxels that nobody has judged. 0 for strokes: 1 is then background, 2 the organelle.",
)
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, where the volumes do not state it.")
@click.option("--grey", type=GREY, help="Grey levels that become 0 and 255, as for `asem segment`.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=20.0,
    show_default=True,
    help="For training and comparing, at most: few labels bear few iterations.",
)
@click.option("--iterations", type=click.IntRange(min=1), help="Instead of --minutes, however few labels.")
@click.option(
    "--from-scratch",
    is_flag=True,
    help="Also train from nothing for as long, to see what the model is worth; the better of the two is packaged.",
)
@click.option("--keep", is_flag=True, help="Package the new model also where the old one is better.")
@click.option(
    "--int8",
    is_flag=True,
    help="Give the new model its network in 8-bit integers too, faster on a CPU, where F1 stays; "
    "needs asem-core[quantise].",
)
@click.option("--id", "model_id", help="Name of the new model; by default the old one's and -finetuned.")
@click.option("--card", type=FILE, help="Text of the new model's card (docs/card.md); by default one is written.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all that is random.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--overwrite", is_flag=True, help="Begin anew, discarding the run in OUTPUT.")
def finetune(
    volumes: tuple[str, ...],
    *,
    organelle: str | None,
    model: str | None,
    output: Path,
    rois: tuple[Box, ...],
    unlabelled: int | None,
    voxel_size: VoxelSize | None,
    grey: Grey,
    minutes: float,
    iterations: int | None,
    from_scratch: bool,
    keep: bool,
    int8: bool,
    model_id: str | None,
    card: Path | None,
    seed: int,
    device: str,
    overwrite: bool,
) -> None:
    """Adapt a model to your own cell from a little of it that is labelled.

    LABELS are integers on the grid of VOLUME, 0 for background; they may cover a part of it only, or be strokes
    (--unlabelled). A quarter is held back: on it the new model is compared with the old one, and packaged where it is
    better. Needs the extra asem-core[train] (torch). A run that was stopped goes on when the same command is given
    again.

    \b
    Examples:
      asem finetune cell.zarr drawn.zarr --organelle mito -o runs/mito
      asem finetune cell.zarr drawn.tif --organelle er --roi 0:100,200:400,200:400 --minutes 60 -o runs/er
      asem finetune cell.zarr strokes.zarr --organelle lysosome.yaml --model mito-10nm --unlabelled 0 -o runs/lyso
    """
    from importlib.util import find_spec

    from asem_core.finetuning import finetune as run

    if len(volumes) % 2:
        raise click.UsageError("give VOLUME and LABELS in pairs: a volume, its labels, the next volume, its labels ...")
    (volume, labels), *more = zip(volumes[::2], volumes[1::2], strict=True)
    with progress_bar() as progress:
        result = run(
            volume,
            labels,
            output=output,
            more=more,
            organelle=organelle,
            model=model,
            rois=rois,
            unlabelled=unlabelled,
            voxel_size=voxel_size,
            grey=grey,
            minutes=minutes,
            iterations=iterations,
            from_scratch=from_scratch,
            keep=keep,
            int8=int8,
            model_id=model_id,
            card=card,
            seed=seed,
            registry=shared_registry(),
            device=device,
            overwrite=overwrite,
            planned=lambda plan: click.echo(f"{plan}", err=True),
            progress=progress,
        )
    click.echo(f"{result}")
    if result.model is not None and not int8:
        needed = "" if find_spec("nncf") else "pip install 'asem-core[quantise]', then "
        command = f"asem zoo quantise {result.model} -o {result.model}_int8"
        click.echo(f"in 8-bit integers, faster on a CPU: {needed}{command}")
