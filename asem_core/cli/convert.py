"""``asem convert``: TIFF, Zarr, OME-Zarr in; OME-Zarr or TIFF out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.options import ROI, VOXEL_SIZE, progress_bar

if TYPE_CHECKING:
    from asem_core.geometry import Box, VoxelSize
    from asem_core.volume.ome_write import OmeVersion


@click.command()
@click.argument("src")
@click.argument("dst", type=click.Path(path_type=Path))
@click.option("--voxel-size", type=VOXEL_SIZE, help="Voxel size in nm, where SRC does not state it, such as 5,5,5.")
@click.option("--roi", type=ROI, help="Convert a part only; voxels, half-open, such as 0:100,50:150,0:200.")
@click.option("--organelle", metavar="NAME", help="Convert the labels NAME of SRC instead of its image.")
@click.option(
    "--ome-version", type=click.Choice(["0.4", "0.5"]), default="0.4", show_default=True,
    help="Of a .zarr that is written; not every viewer reads 0.5 yet.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace DST if it is a volume already.")
def convert(
    src: str,
    dst: Path,
    *,
    voxel_size: VoxelSize | None,
    roi: Box | None,
    organelle: str | None,
    ome_version: OmeVersion,
    overwrite: bool,
) -> None:
    """Convert a volume to OME-Zarr or TIFF. Voxel values stay as they are.

    SRC is a folder of TIFF sections, a TIFF stack, a Zarr array or an OME-Zarr. DST decides the format: NAME.zarr is an
    OME-Zarr with pyramid, NAME.tif one stack, NAME without suffix a folder of TIFF sections.

    \b
    Examples:
      asem convert sections/ cell.zarr --voxel-size 5,5,5
      asem convert cell.zarr out_tiffs/ --roi 0:100,0:768,0:1024
    """
    from asem_core.volume import open_labels, open_volume
    from asem_core.volume.convert import convert as run

    if organelle is None:
        volume = open_volume(src, voxel_size=voxel_size)
    else:
        volume = open_labels(src, organelle, voxel_size=voxel_size)
    for note in volume.notes:
        click.echo(f"note: {note}", err=True)
    with progress_bar() as progress:
        run(
            volume, dst, roi=roi, labels=organelle is not None, ome_version=ome_version, overwrite=overwrite,
            progress=progress,
        )  # fmt: skip
    click.echo(f"{dst}")
