"""``asem mask``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.dask import DASK, on_workers
from asem_core.cli.options import FILE, GREY, OME_VERSION, OUTPUT, PLACE, SHARD, VOXEL_SIZE
from asem_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from asem_core.geometry import Triple, VoxelSize
    from asem_core.volume.formats.ome_write import OmeVersion
    from asem_core.volume.grey import Grey

_WHOLE = click.IntRange(min=0)


@click.command()
@click.argument("volume", type=PLACE)
@click.option("-o", "--output", type=OUTPUT, required=True, help="OME-Zarr to make.")
@click.option("--low", type=float, default=2, show_default=True, help="Cell is brighter than this (0..255).")
@click.option("--high", type=float, help="Cell is darker than this (0..255); by default found from the image.")
@click.option("--opening", type=_WHOLE, default=3, show_default=True, help="Radius; thinner parts go.")
@click.option("--closing", type=_WHOLE, default=2, show_default=True, help="Radius; thinner gaps are closed.")
@click.option("--max-hole", type=_WHOLE, default=100_000, show_default=True, help="Smaller holes are filled.")
@click.option("--min-object", type=_WHOLE, default=100_000, show_default=True, help="Smaller objects are dropped.")
@click.option("--grey", type=GREY, help="Grey levels that become 0 and 255, such as 0:4095, or auto; by default the "
              "full range of the type.")  # fmt: skip
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, where the volume does not state it.")
@click.option("--preview", type=FILE, metavar="PNG",
              help="Draw the mask on three planes of the volume.")  # fmt: skip
@OME_VERSION
@SHARD
@DASK
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it is a volume already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def mask(
    volume: str,
    *,
    output: Path | str,
    low: float,
    high: float | None,
    opening: int,
    closing: int,
    max_hole: int,
    min_object: int,
    grey: Grey,
    voxel_size: VoxelSize | None,
    preview: Path | None,
    ome_version: OmeVersion | None,
    shard: int | Triple | None,
    dask: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Find the cell in VOLUME: 1 inside, 0 in empty resin and where there is no image.

    Grey levels are those of 0..255, whatever the volume's type. Radii and volumes are counted in voxels of 5 nm and
    scaled to the volume's own. The level of the resin is found from the image, the other defaults are the paper's; look
    at the picture and adapt --high first.

    \b
    Examples:
      asem mask cell.zarr -o mask.zarr --preview mask.png
      asem mask cell.zarr -o mask.zarr --high 150 --min-object 1000000
      asem segment cell.zarr --organelle mito --mask mask.zarr -o mito.zarr
    """
    import attrs

    from asem_core.mask import CellMask, make_mask
    from asem_core.volume import open_volume
    from asem_core.volume.check import graded, settled_range

    params = CellMask(low=low, high=high, opening=opening, closing=closing, max_hole=max_hole, min_object=min_object)
    registry = shared_registry()
    opened = open_volume(volume, registry=registry, voxel_size=voxel_size)
    if preview is not None:
        from asem_core.draw.png import check_png

        preview = check_png(preview, inputs=[opened, output])
    grey = settled_range(opened, grey)
    shown = graded(opened, grey)
    for note in shown.notes:
        click.echo(f"note: {note}", err=True)
    with on_workers(dask) as executor, progress_bar() as progress:
        found = make_mask(
            opened,
            output,
            params=params,
            grey=grey,
            ome_version=ome_version,
            shard=shard,
            overwrite=overwrite,
            executor=executor,
            progress=progress,
        )
    if found.inside == 0 and found.objects_dropped:
        click.echo("warning: the mask is empty: all that was found is smaller than --min-object", err=True)
    elif found.high is None:
        click.echo("note: the grey levels do not part cell from empty resin: nothing is left out for being bright, "
                   "unless --high says from which level on", err=True)  # fmt: skip
    elif found.inside in (0, 1):
        what = "everything" if found.inside else "empty"
        click.echo(f"warning: the mask is {what}: compare --low and --high with the grey levels of VOLUME", err=True)
    if preview is not None:
        from asem_core.draw.mask import draw_mask

        draw_mask(shown, open_volume(output, registry=registry), preview)
    if as_json:
        counts = attrs.asdict(found, filter=lambda field, _: field.name != "path")
        click.echo(json.dumps({"output": str(found.path), **counts}, indent=2))
        return
    click.echo(f"{found}")
    if preview is not None:
        click.echo(f"{preview}")
