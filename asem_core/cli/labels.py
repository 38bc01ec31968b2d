"""``asem labels``: ground truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.dask import DASK, on_workers
from asem_core.cli.options import OME_VERSION, ORGANELLE, OUTPUT, PLACE, SHARD, VOXEL_SIZE
from asem_core.cli.progress import progress_bar
from asem_core.errors import AsemError

if TYPE_CHECKING:
    from asem_core.geometry import Triple, VoxelSize
    from asem_core.volume.formats.ome_write import OmeVersion


@click.group()
def labels() -> None:
    """Prepare ground truth."""


@labels.command()
@click.argument("source", metavar="LABELS", type=PLACE)
@click.option("--organelle", type=ORGANELLE, required=True,
              help="Whose rules and numbers; its labels are taken from a container.")  # fmt: skip
@click.option("-o", "--output", required=True, type=OUTPUT, help="OME-Zarr to write.")
@click.option("--voxel-size", type=VOXEL_SIZE, help="Voxel size in nm, where LABELS do not state it, such as 5,5,5.")
@click.option("--dataset", metavar="NAME", help="Data set that LABELS belong to: its own dilation applies.")
@click.option(
    "--cleanup",
    metavar="RULE[:P=V,...]",
    multiple=True,
    help="Clean-up instead of the organelle's; repeat it for several, in order.",
)
@click.option("--no-cleanup", is_flag=True, help="No clean-up.")
@click.option("--dilate", type=click.IntRange(min=0), metavar="N", help="Dilation in voxels of 5 nm; 0: none.")
@click.option(
    "--zone",
    metavar="D,E|PRESET|ZONE[:P=V,...]",
    help="Exclusion zone: dilate,erode in voxels of 5 nm, a preset (paper, incasem), or another zone by its name.",
)
@OME_VERSION
@SHARD
@DASK
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it is a volume already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def prepare(
    source: str,
    *,
    organelle: str,
    output: Path | str,
    voxel_size: VoxelSize | None,
    dataset: str | None,
    cleanup: tuple[str, ...],
    no_cleanup: bool,
    dilate: int | None,
    zone: str | None,
    ome_version: OmeVersion | None,
    shard: int | Triple | None,
    dask: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Clean up LABELS, dilate them, and find out where a segmentation is to be scored.

    The rules and numbers are the organelle's. The image of OUTPUT is the prepared labels, with their ids; its label
    image metric_mask is 0 in the exclusion zone and 1 elsewhere.

    \b
    Examples:
      asem labels prepare truth_tiffs/ --organelle mito --voxel-size 5,5,5 -o truth.zarr
      asem labels prepare cell.zarr --organelle er --zone incasem -o er.zarr
      asem labels prepare cell.zarr --organelle mito --dilate 0 --cleanup remove_small_objects:min_voxels=100 -o m.zarr
      asem evaluate mito.zarr truth.zarr --organelle mito --mask truth.zarr/labels/metric_mask --zone 0,0
    """
    from asem_core.labels.prepare import prepare_labels as run
    from asem_core.organelles import find_organelle
    from asem_core.volume import open_labels

    if cleanup and no_cleanup:
        raise AsemError("--cleanup and --no-cleanup exclude each other")
    registry = shared_registry()
    spec = find_organelle(organelle, registry)
    volume = open_labels(source, spec.name, registry=registry, voxel_size=voxel_size)
    for note in volume.notes:
        click.echo(f"note: {note}", err=True)
    with on_workers(dask) as executor, progress_bar() as progress:
        made = run(
            volume,
            output,
            organelle=spec,
            registry=registry,
            dataset=dataset,
            dilate=dilate,
            zone=zone,
            cleanup=cleanup if cleanup or no_cleanup else None,
            ome_version=ome_version,
            shard=shard,
            overwrite=overwrite,
            executor=executor,
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps(made.to_json(), indent=2))
        return
    if not made.labelled_voxels:
        click.echo(f"note: the labels hold no {spec.name}: all is background", err=True)
    click.echo(f"{made}")
