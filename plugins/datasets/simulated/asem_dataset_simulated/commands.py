"""The commands ``asem simulate`` and ``asem demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli import FOLDER, PATH, VOXEL_SIZE, progress_bar, shared_registry
from asem_core.errors import GeometryError
from asem_core.geometry import FloatTriple, Triple, VoxelSize, triple

if TYPE_CHECKING:
    from asem_dataset_simulated.demo import Demo


def _shape(ctx: click.Context, param: click.Parameter, value: str | None) -> Triple | None:
    if value is None:
        return None
    try:
        return triple([int(part) for part in value.split(",")])
    except (ValueError, GeometryError):
        raise click.BadParameter(
            f"expected voxels along z,y,x, such as 200,200,200; got {value!r}", ctx, param
        ) from None


def _point(ctx: click.Context, param: click.Parameter, value: str | None) -> FloatTriple | None:
    if value is None:
        return None
    try:
        return triple([float(part) for part in value.split(",")])
    except (ValueError, GeometryError):
        raise click.BadParameter(f"expected nm along z,y,x, such as 900,1200,4000; got {value!r}", ctx, param) from None


@click.command(
    epilog="""\b
Examples:
  asem simulate tissue.zarr --seed 7
  asem simulate cell.zarr --preset hpfs --seed 7 --shape 256,256,256 --voxel-size 8,8,8
  asem simulate crowded.zarr --preset cf-crowded --seed 8
  asem simulate naive.zarr --preset cf-3 --part evaluation"""
)
@click.argument("output", metavar="OUT.zarr", type=PATH)
@click.option("--preset", metavar="NAME", default="tissue", show_default=True, help="See above.")
@click.option("--shape", metavar="Z,Y,X", callback=_shape, help="In voxels.  [default: 200,200,200]")
@click.option(
    "--voxel-size", type=VOXEL_SIZE, default="10,10,10", show_default=True, help="In nm, 3 to 16 on every axis."
)
@click.option("--seed", type=click.IntRange(min=0), help="Another seed, another cell.  [default: 0]")
@click.option(
    "--part",
    metavar="NAME",
    help="Of a named cell: training and validation, or evaluation; golgi, coverslip, nucleus; or whole.",
)
@click.option("--origin", metavar="Z,Y,X", callback=_point, help="Lower edge in the cell, nm.  [default: at a nucleus]")
@click.option("--diameter", type=float, metavar="UM", help="Of a cell without a name.  [default: 8]")
@click.option("--pore-diameter", type=float, metavar="NM", help="Of all nuclear pores.  [default: as in the paper]")
@click.option("--overwrite", is_flag=True, help="Replace OUT.zarr if it is a volume already.")
def simulate(
    output: Path,
    *,
    preset: str,
    shape: Triple | None,
    voxel_size: VoxelSize,
    seed: int | None,
    part: str | None,
    origin: FloatTriple | None,
    diameter: float | None,
    pore_diameter: float | None,
    overwrite: bool,
) -> None:
    """Simulate a FIB-SEM volume in which everything is known.

    OUT.zarr is an OME-Zarr: image, truth under labels/, truth in numbers under tables/. The same
    preset, seed and voxel size give the same voxels.

    \b
    Presets:
      tissue         a cut-out of neuropil; mitochondria and ER are known
      cf, hpfs       a cell, chemically fixed or high-pressure frozen: nucleus with pores,
                     ER, Golgi, mitochondria, coated pits, caveolae are known
      cf-crowded, hpfs-crowded
                     the same with cytosol as full as in tissue; stain, width of membranes,
                     ribosomes, noise and sections differ widely from seed to seed

    \b
    Named cells that models are trained on:
      cf-1, cf-2, hpfs-19, hpfs-20
      cf-crowded-1, cf-crowded-2, cf-crowded-3, cf-crowded-4
      hpfs-crowded-1, hpfs-crowded-2, hpfs-crowded-3, hpfs-crowded-4
    Named cells that no model has seen:
      cf-3, cf-6, hpfs-21, hpfs-22
      cf-crowded-5, cf-crowded-6, hpfs-crowded-5, hpfs-crowded-6
    """
    from asem_dataset_simulated.simulate import Request, simulate_to

    request = Request(
        preset=preset,
        shape=shape,
        voxel_size=voxel_size,
        seed=seed,
        part=part,
        origin_nm=origin,
        diameter_um=diameter,
        pore_diameter_nm=pore_diameter,
    )
    with progress_bar() as progress:
        found = simulate_to(output, request, overwrite=overwrite, progress=progress)
    counts = ", ".join(f"{count} {name}" for name, count in found.items())
    click.echo(f"{output}: {counts}")


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    type=FOLDER,
    default="asem_demo",
    show_default=True,
    help="Where volumes and pictures go.",
)
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
    from asem_dataset_simulated.demo import run_demo

    with progress_bar() as progress:
        result = run_demo(output, registry=shared_registry(), seed=seed, overwrite=overwrite, progress=progress)
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
