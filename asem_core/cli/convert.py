"""``asem convert``: TIFF, Zarr, OME-Zarr in; OME-Zarr or TIFF out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.dask import DASK, on_workers
from asem_core.cli.options import ALLOW_UNFINISHED, OME_VERSION, ORGANELLE, OUTPUT, PLACE, ROI, SHARD, VOXEL_SIZE
from asem_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from asem_core.geometry import Box, BoxNm, Triple, VoxelSize
    from asem_core.volume.formats.ome_write import OmeVersion


@click.command()
@click.argument("src", type=PLACE)
@click.argument("dst", type=OUTPUT)
@click.option("--voxel-size", type=VOXEL_SIZE, help="Voxel size in nm, where SRC does not state it, such as 5,5,5.")
@click.option(
    "--roi",
    type=ROI,
    help="Convert a part only: voxels of SRC, half-open, such as 0:100,50:150,0:200; or nm in the microscope's frame, "
    "such as 0:500,250:750,0:1000nm.",
)
@click.option(
    "--paste-into",
    "reference",
    metavar="REFERENCE",
    type=PLACE,
    help="Put SRC, a crop, back on the frame of REFERENCE: its shape, position and section numbers, 0 around.",
)
@click.option(
    "--resample",
    type=VOXEL_SIZE,
    help="Voxel size in nm of DST, such as 10,10,10: mean or linear for images, mode or nearest for labels.",
)
@click.option(
    "--organelle",
    type=ORGANELLE,
    help="Convert the labels of this name in SRC instead of its image, or say that SRC is labels.",
)
@OME_VERSION
@SHARD
@click.option("--allow-unfinished", is_flag=True, help=ALLOW_UNFINISHED)
@DASK
@click.option("--overwrite", is_flag=True, help="Replace DST if it is a volume already.")
def convert(
    src: str,
    dst: Path | str,
    *,
    voxel_size: VoxelSize | None,
    roi: Box | BoxNm | None,
    reference: str | None,
    resample: VoxelSize | None,
    organelle: str | None,
    ome_version: OmeVersion | None,
    shard: int | Triple | None,
    allow_unfinished: bool,
    dask: str | None,
    overwrite: bool,
) -> None:
    """Convert a volume to OME-Zarr or TIFF, crop it, un-crop it or bring it to another voxel size.

    SRC is TIFF, Zarr, OME-Zarr, N5, HDF5, MRC and others (docs/formats.md); Zarr and N5 also at http(s):// or s3://.
    DST decides the format: NAME.zarr is an OME-Zarr with pyramid, NAME.tif one stack, NAME without suffix a folder of
    TIFF sections, numbered as in the acquisition. Voxel values stay as they are, unless --resample is given.

    \b
    Examples:
      asem convert sections/ cell.zarr --voxel-size 5,5,5
      asem convert cell.zarr crop.zarr --roi 0:100,0:768,0:1024
      asem convert cell.zarr crop.zarr --roi 0:500,0:3840,0:5120nm
      asem convert crop_mito.zarr mito_tiffs/ --organelle mito --paste-into sections/ --voxel-size 5,5,5
      asem convert cell.zarr cell_10nm.zarr --resample 10,10,10
    """
    from asem_core.conversion.convert import convert as run
    from asem_core.grid.place import paste
    from asem_core.organelles import name_of
    from asem_core.volume.opening import as_volume

    if reference is not None and (roi is not None or resample is not None):
        raise click.UsageError("--paste-into goes alone: do --roi or --resample in a step before it")
    registry = shared_registry()
    name = None if organelle is None else name_of(organelle)
    opened = partial(as_volume, registry=registry, voxel_size=voxel_size, only_if_unstated=reference is not None)
    volume = opened(src, labels=name, allow_unfinished=allow_unfinished)
    frame = None if reference is None else opened(reference)
    for note in (volume if frame is None else paste(volume, frame)).notes:
        click.echo(f"note: {note}", err=True)
    with on_workers(dask) as executor, progress_bar() as progress:
        made = run(
            volume,
            dst,
            roi=roi,
            resample=resample,
            organelle=name,
            ome_version=ome_version,
            shard=shard,
            paste_into=frame,
            overwrite=overwrite,
            executor=executor,
            progress=progress,
        )
    click.echo(f"{made}")
