"""``asem instances``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asem_core.cli.context import shared_registry
from asem_core.cli.dask import DASK, on_workers
from asem_core.cli.options import KIND, OME_VERSION, ORGANELLE, OUTPUT, PLACE, SHARD, VOXEL_SIZE
from asem_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from asem_core.geometry import Triple, VoxelSize
    from asem_core.volume.formats.ome_write import OmeVersion
    from asem_core.volume.kind import Kind

_DEFAULT = "By default the organelle's."


@click.command()
@click.argument("prediction", metavar="PRED", type=PLACE)
@click.option("--organelle", type=ORGANELLE, required=True, help="Which organelle: its threshold and its separation.")
@click.option("-o", "--output", type=OUTPUT, required=True, help="OME-Zarr to make.")
@click.option("--kind", type=KIND,
              help="What PRED holds, where the data does not say.")  # fmt: skip
@click.option("--threshold", type=float, metavar="P", help=f"Least probability of the organelle. {_DEFAULT}")
@click.option("--persistence", type=float, metavar="PART", help="Least dip between two objects, as part of the "
              f"depth of the shallower one, 0 to 1; 1: what touches is one object. {_DEFAULT}")  # fmt: skip
@click.option("--persistence-nm", type=float, metavar="NM", help="Least dip in nm; the larger of the two counts. "
              f"{_DEFAULT}")  # fmt: skip
@click.option("--reach-nm", type=float, metavar="NM", help="Depth below the surface beyond which all is as deep, up to "
              f"500. {_DEFAULT}")  # fmt: skip
@click.option("--min-volume-nm3", type=float, metavar="NM3", help="What is smaller goes to the object that it touches "
              f"most deeply, or is dropped. {_DEFAULT}")  # fmt: skip
@click.option("--voxel-size", type=VOXEL_SIZE, help="nm, where PRED does not state it.")
@OME_VERSION
@SHARD
@DASK
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it is a volume already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
def instances(
    prediction: str,
    *,
    organelle: str,
    output: Path | str,
    kind: Kind | None,
    threshold: float | None,
    persistence: float | None,
    persistence_nm: float | None,
    reach_nm: float | None,
    min_volume_nm3: float | None,
    voxel_size: VoxelSize | None,
    ome_version: OmeVersion | None,
    shard: int | Triple | None,
    dask: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Give every object of the segmentation PRED an id, those that touch too.

    PRED is a probability map, such as the image that `asem segment` writes, or labels, not 0 where the organelle is.
    OUTPUT is an OME-Zarr: its image is PRED, labels/ORGANELLE_instances the ids, from 1 in the order of the objects'
    first voxels (z, y, x).

    \b
    Examples:
      asem instances mito.zarr --organelle mito -o mito_instances.zarr
      asem instances drawn/ --voxel-size 5,5,5 --kind labels --organelle mito -o ids.zarr --persistence 0.3
      asem evaluate mito_instances.zarr/labels/mito_instances truth.zarr --organelle mito --objects
      asem analyze objects mito_instances.zarr/labels/mito_instances -o objects/
    """
    from asem_core.organelles import find_organelle
    from asem_core.separation.inside import check_separable
    from asem_core.separation.run import instances as run
    from asem_core.volume import open_volume

    registry = shared_registry()
    spec = check_separable(find_organelle(organelle, registry))
    volume = open_volume(prediction, registry=registry, voxel_size=voxel_size)
    for note in volume.notes:
        click.echo(f"note: {note}", err=True)
    given = {
        "persistence": persistence, "persistence_nm": persistence_nm, "reach_nm": reach_nm,
        "min_volume_nm3": min_volume_nm3,
    }  # fmt: skip
    with on_workers(dask) as executor, progress_bar() as progress:
        made = run(
            volume,
            output,
            organelle=spec,
            registry=registry,
            kind=kind,
            threshold=threshold,
            separation={name: value for name, value in given.items() if value is not None},
            ome_version=ome_version,
            shard=shard,
            overwrite=overwrite,
            executor=executor,
            progress=progress,
        )
    if not made.objects:
        click.echo(f"note: there is no {spec.name}: all is background", err=True)
    click.echo(json.dumps(made.to_json(), indent=2) if as_json else f"{made}")
