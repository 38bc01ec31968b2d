"""``asem preprocess``: normalise the contrast of a volume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.dask import DASK, on_workers
from asem_core.cli.options import FILE, GREY, OME_VERSION, OUTPUT, PLACE, ROI, SHARD, VOXEL_SIZE
from asem_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from asem_core.geometry import Box, BoxNm, Triple, VoxelSize
    from asem_core.volume.formats.ome_write import OmeVersion
    from asem_core.volume.grey import Grey


@click.command()
@click.argument("volume", type=PLACE)
@click.option("-o", "--output", required=True, type=OUTPUT, help="OME-Zarr to make, NAME.zarr; usually uint8.")
@click.option(
    "--stage",
    "stages",
    multiple=True,
    required=True,
    metavar="NAME[:PARAMETER=VALUE,...]",
    help="What to do: clahe, equalize_histogram, percentile_rescale, scale_linear, or a stage of a plugin; repeat it "
    "for several, in order. docs/normalise.md says what each does; a wrong parameter lists the right ones.",
)
@click.option("--grey", type=GREY, help="Grey levels that become 0 and 255, such as 0:4095, or auto; by default the "
              "full range of the type.")  # fmt: skip
@click.option("--voxel-size", type=VOXEL_SIZE, help="Voxel size in nm, where VOLUME does not state it, such as 5,5,5.")
@click.option(
    "--roi",
    type=ROI,
    help="Write a part only (voxels, or nm with nm at the end); what is measured is measured on the whole volume.",
)
@click.option(
    "--statistics",
    type=FILE,
    metavar="FILE.npz",
    help="Keep what is measured in this file, and take it from there in a later run on the same volume.",
)
@click.option("--preview", type=FILE, help="Draw slices before and after, a PNG.")
@OME_VERSION
@SHARD
@DASK
@click.option("--overwrite", is_flag=True, help="Replace the output if it is a volume already.")
def preprocess(
    volume: str,
    *,
    output: Path | str,
    stages: tuple[str, ...],
    grey: Grey,
    voxel_size: VoxelSize | None,
    roi: Box | BoxNm | None,
    statistics: Path | None,
    preview: Path | None,
    ome_version: OmeVersion | None,
    shard: int | Triple | None,
    dask: str | None,
    overwrite: bool,
) -> None:
    """Normalise the contrast of VOLUME, block by block, as if it were one block.

    The models of ASEM need no normalisation: they are trained on raw images of varying contrast. It is for models that
    were trained on normalised images, and for looking at a volume.

    \b
    Examples:
      asem preprocess cell.zarr -o equal.zarr --stage clahe
      asem preprocess cell.zarr -o equal.zarr --stage clahe:clip=0.01,kernel=64 --preview equal.png
      asem preprocess cell.zarr -o both.zarr --stage percentile_rescale:low=1,high=99 --stage clahe
    """
    from asem_core.preprocessing.whole import preprocess as run
    from asem_core.volume import open_volume
    from asem_core.volume.check import graded, settled_range

    registry = shared_registry()
    opened = open_volume(volume, registry=registry, voxel_size=voxel_size)
    if preview is not None:
        from asem_core.draw.png import check_png

        preview = check_png(preview, inputs=[opened, output, *([statistics] if statistics else [])])
    grey = settled_range(opened, grey)
    shown = graded(opened, grey)
    for note in shown.notes:
        click.echo(f"note: {note}", err=True)
    with on_workers(dask) as executor, progress_bar() as progress:
        run(
            opened,
            output,
            stages=stages,
            registry=registry,
            grey=grey,
            roi=roi,
            statistics=statistics,
            ome_version=ome_version,
            shard=shard,
            overwrite=overwrite,
            executor=executor,
            progress=progress,
        )
    click.echo(f"{output}")
    if preview is not None:
        from asem_core.draw.before_after import draw_before_after

        title = ", then ".join(stages)
        draw_before_after(shown, open_volume(output, registry=registry), preview, title=title, roi=shown.part(roi))
        click.echo(f"{preview}")
