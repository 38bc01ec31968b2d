"""The command ``asem labels cosem``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli import FILE, ORGANELLE, PATH, PLACE, VOXEL_SIZE, progress_bar, shared_registry
from asem_core.errors import AsemError
from asem_core.geometry import AXES, Triple, triple

if TYPE_CHECKING:
    from asem_core.geometry import VoxelSize
    from asem_dataset_asem.cosem.frame import OffsetUnit


def _axes(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    if any(letter not in AXES for letter in value):
        raise click.BadParameter(f"axes are letters of zyx, such as y; got {value!r}", ctx, param)
    return tuple(AXES.index(letter) for letter in dict.fromkeys(value))


def _shift(ctx: click.Context, param: click.Parameter, value: str) -> Triple:
    try:
        return triple([int(part) for part in value.split(",")])
    except (ValueError, AsemError):
        raise click.BadParameter(f"expected voxels along z,y,x, such as 0,-10,0; got {value!r}", ctx, param) from None


@click.command()
@click.argument("crop", type=PLACE)
@click.option("--raw", type=PLACE, required=True, help="Image that the crop's offset refers to.")
@click.option("--organelle", type=ORGANELLE, required=True,
              help="Name of the labels; decides the classes: er, golgi, mito, pore.")  # fmt: skip
@click.option("-o", "--output", required=True, metavar="OUT.zarr", type=PATH, help="To write.")
@click.option("--classes", metavar="IDS", help="Class ids that are the organelle, such as 16,17 or 16-21.")
@click.option("--flip", metavar="AXES", default="", callback=_axes, help="Axes along which raw is mirrored, such as y.")
@click.option(
    "--offset-unit",
    type=click.Choice(["nm", "crop-voxels", "raw-voxels"]),
    default="nm",
    show_default=True,
    help="Unit of the offset that CROP states.",
)
@click.option("--shift", metavar="Z,Y,X", default="0,0,0", callback=_shift, help="Move the crop by voxels of raw.")
@click.option("--voxel-size", type=VOXEL_SIZE, help="Of CROP in nm, where it does not state it, such as 2,2,2.")
@click.option("--figure", type=FILE, help="PNG to check the alignment by.")
@click.option("--overwrite", is_flag=True, help="Replace OUT.zarr if it is a volume already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def cosem(
    crop: str,
    *,
    raw: str,
    organelle: str,
    output: Path,
    classes: str | None,
    flip: tuple[int, ...],
    offset_unit: OffsetUnit,
    shift: Triple,
    voxel_size: VoxelSize | None,
    figure: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Import the ground truth CROP of COSEM / OpenOrganelle as the labels of one organelle, on the grid of RAW.

    OUT.zarr holds raw under the crop, labels/ORGANELLE, and labels/annotated: 1 where the crop was annotated, a mask
    for training and for `asem evaluate --mask`. Look at the figure: a crop can be flipped or misplaced and still fit.

    \b
    Examples:
      asem labels cosem crop.n5/labels/all --raw raw.n5/volumes/raw/s0 --organelle er -o er.zarr --figure check.png
      asem labels cosem crop.n5/labels/all --raw raw.zarr --organelle er --classes 16-21 --flip y -o er.zarr
    """
    from asem_core.draw import check_png
    from asem_core.organelles import name_of
    from asem_core.volume import open_volume
    from asem_dataset_asem.cosem.classes import classes_of, parse_classes
    from asem_dataset_asem.cosem.figure import draw_import
    from asem_dataset_asem.cosem.frame import place_crop
    from asem_dataset_asem.cosem.importing import import_crop

    if output.suffix != ".zarr":
        raise AsemError(f"{output}: the import is an OME-Zarr; name it NAME.zarr")
    organelle = name_of(organelle)
    ids = parse_classes(classes) if classes is not None else classes_of(organelle)
    registry = shared_registry()
    image = open_volume(raw, registry=registry)
    labels = open_volume(crop, registry=registry, voxel_size=voxel_size)
    frame = place_crop(labels, image, flip=flip, offset_unit=offset_unit, shift=shift)
    if figure is not None:
        figure = check_png(figure, inputs=[image, labels, output])
    with progress_bar() as progress:
        found = import_crop(
            frame,
            image,
            output,
            organelle=organelle,
            classes=ids,
            registry=registry,
            overwrite=overwrite,
            progress=progress,
        )
    if figure is not None:
        draw_import(found, image, figure, organelle=organelle, registry=registry)
    if as_json:
        values = {
            "path": str(found.path), "roi": str(found.box), "classes": sorted(ids), "notes": found.notes,
            "organelle_voxels": found.organelle_voxels, "annotated_voxels": found.annotated_voxels,
        }  # fmt: skip
        click.echo(json.dumps(values, indent=2))
        return
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{found.path}: voxels {found.box} (z,y,x) of raw")
    click.echo(f"{found.organelle_voxels:,} voxels of {organelle} in {found.annotated_voxels:,} annotated ones")
