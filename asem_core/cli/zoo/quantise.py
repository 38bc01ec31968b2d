"""``asem zoo quantise``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FILE, FOLDER, PLACE, VOXEL_SIZE
from asem_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from asem_core.geometry import VoxelSize


@click.command()
@click.argument("model", type=PLACE, metavar="ID|PACKAGE")
@click.option("-o", "--output", type=FOLDER, required=True, help="Folder of the package to make.")
@click.option("--data", type=FOLDER, default=Path(), show_default="this folder",
              help="Where the relative paths of the model's recipe start.")  # fmt: skip
@click.option("--recipe", type=FILE, help="Take the volumes from this recipe instead of the package's.")
@click.option("--volume", type=PLACE, help="Calibrate on this one instead of the recipe's training volumes.")
@click.option("--labels", type=PLACE, help="Truth of --volume, on which F1 is compared instead of on the recipe's "
              "validation volumes.")  # fmt: skip
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, where --volume does not state it.")
@click.option("--overwrite", is_flag=True, help="Replace the package in OUTPUT.")
def quantise(
    model: str,
    *,
    output: Path,
    data: Path,
    recipe: Path | None,
    volume: str | None,
    labels: str | None,
    voxel_size: VoxelSize | None,
    overwrite: bool,
) -> None:
    """Give a model its network in 8-bit integers too, which `asem segment` runs where the processor is made for them.

    They are calibrated on a few blocks of the training volumes, and kept only where F1 falls by at most 0.005 on every
    validation volume; else the card says that they were refused. Needs asem-core[quantise] and a processor with VNNI
    or AMX.

    \b
    Examples:
      asem zoo quantise mito-10nm --data ~/volumes -o mito-int8
      asem zoo quantise ./lysosome --volume cell.zarr --labels drawn.zarr -o lysosome-int8
    """
    from asem_core.quantisation import quantise as run

    with progress_bar() as progress:
        done = run(
            model,
            output,
            data=data,
            recipe=recipe,
            volume=volume,
            labels=labels,
            registry=shared_registry(),
            voxel_size=voxel_size,
            overwrite=overwrite,
            progress=progress,
        )
    click.echo(f"{done}")
    click.echo(f"package: {output}")
