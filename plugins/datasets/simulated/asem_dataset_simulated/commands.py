"""The commands ``asem simulate`` and ``asem demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.options import VOXEL_SIZE, progress_bar
from asem_core.errors import GeometryError
from asem_core.geometry import Triple, VoxelSize, triple

if TYPE_CHECKING:
    from asem_dataset_simulated.demo import Demo


def _shape(ctx: click.Context, param: click.Parameter, value: str) -> Triple:
    try:
        return triple([int(part) for part in value.split(",")])
    except (ValueError, GeometryError):
        raise click.BadParameter(
            f"expected voxels along z,y,x, such as 200,200,200; got {value!r}", ctx, param
        ) from None


@click.command()
@click.argument("output", metavar="OUT.zarr", type=click.Path(path_type=Path))
@click.option("--shape", metavar="Z,Y,X", default="200,200,200", show_default=True, callback=_shape, help="In voxels.")
@click.option(
    "--voxel-size", type=VOXEL_SIZE, default="10,10,10", show_default=True, help="In nm, 3 to 16 on every axis."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, another cell.")
@click.option("--overwrite", is_flag=True, help="Replace OUT.zarr if it is a volume already.")
def simulate(output: Path, *, shape: Triple, voxel_size: VoxelSize, seed: int, overwrite: bool) -> None:
    """Simulate a FIB-SEM volume in which every mitochondrion is known.

    OUT.zarr is an OME-Zarr: its image is the simulated volume, labels/mito the truth. The same seed, shape and voxel
    size give the same voxels.

    \b
    Example:
      asem simulate cell.zarr --seed 7
    """
    from asem_dataset_simulated.write import write_cell

    with progress_bar() as progress:
        count = write_cell(
            output, shape=shape, voxel_size=voxel_size, seed=seed, overwrite=overwrite, progress=progress
        )
    click.echo(f"{output}: {count} mitochondria, under labels/mito")


@click.command()
@click.option(
    "-o", "--output", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path), default="asem_demo",
    show_default=True, help="Where volumes and pictures go.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=2026, show_default=True, help="Of the simulated cell.")
@click.option("--overwrite", is_flag=True, help="Replace what an earlier demo left in FOLDER.")
def demo(output: Path, *, seed: int, overwrite: bool) -> None:
    """Simulate a cell, segment its mitochondria, and show how good the result is.

    The truth of a simulated cell is known, so the scores are exact. The installed model has not seen the cell of the
    default seed.

    \b
    Example:
      asem demo -o demo/
    """
    from asem_core.registry import make_registry
    from asem_dataset_simulated.demo import run_demo

    with progress_bar() as progress:
        result = run_demo(output, registry=make_registry(), seed=seed, overwrite=overwrite, progress=progress)
    _print(result)


def _print(result: Demo) -> None:
    run, scores = result.segmentation, result.evaluation.scores
    click.echo(f"\n{run.voxels:,} voxels with {result.mitochondria} mitochondria")
    click.echo(f"segmented by {run.model} in {run.seconds:.0f} s: {run.runtime}, {run.precision}")
    click.echo(f"\n{'':<24}{'precision':>10}{'recall':>10}{'F1':>10}")
    for name, score in (("with exclusion zone", scores.with_zone), ("without", scores.without_zone)):
        click.echo(f"{name:<24}{score.precision:>10.3f}{score.recall:>10.3f}{score.f1:>10.3f}")
    click.echo(f"\nvolume and truth:  {result.cell}")
    click.echo(f"segmentation:      {run.path}")
    for picture in result.pictures:
        click.echo(f"picture:           {picture}")
