"""``asem adapt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.options import FOLDER, GREY, PLACE, VOXEL_SIZE, WEIGHT
from asem_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from asem_core.geometry import VoxelSize
    from asem_core.volume.grey import Grey


@click.command()
@click.argument("volume", type=PLACE)
@click.option("--model", type=PLACE, required=True, metavar="ID|PATH", help="Model of ASEM's that is adapted.")
@click.option("-o", "--output", type=FOLDER, required=True, help="Folder of the package to make.")
@click.option("--id", "model_id", metavar="ID", help="Name of the new model.  [default: MODEL-adapted]")
@click.option("--weight", type=WEIGHT, default="default", metavar="WEIGHT",
              help="How far it follows tissue unlike that of its training, 0 to 1.  [default: 0.5]")  # fmt: skip
@click.option("--mask", type=PLACE, help="Cell mask on the volume's grid; nothing is measured where it is 0.")
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, where the volume does not state it.")
@click.option("--grey", type=GREY, help="Grey levels that become 0 and 255; see `asem segment`.")
@click.option("--overwrite", is_flag=True, help="Replace the package in OUTPUT.")
def adapt(
    volume: str,
    *,
    model: str,
    output: Path,
    model_id: str | None,
    weight: float,
    mask: str | None,
    voxel_size: VoxelSize | None,
    grey: Grey,
    overwrite: bool,
) -> None:
    """Adapt a model to VOLUME, without labels, and write it as a package.

    What its convolutions give is measured on a dozen blocks and brought to what they gave on the tissue of the
    training. Tissue like that leaves the model as it is. `asem segment --adapt` does the same for one run.

    \b
    Example:
      asem adapt cell.zarr --model mito-10nm -o mito-cell
      asem segment cell.zarr --organelle mito --model ./mito-cell -o mito.zarr
    """
    from asem_core.predict.adapt import adapt as run

    with progress_bar() as progress:
        done = run(
            volume,
            output,
            model=model,
            model_id=model_id,
            weight=weight,
            registry=shared_registry(),
            voxel_size=voxel_size,
            mask=mask,
            grey=grey,
            overwrite=overwrite,
            progress=progress,
        )
    click.echo(f"{done}")
