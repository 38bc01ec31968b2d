"""The whole job: a probability map or a mask into an OME-Zarr in which every object has an id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.fill import Run, produce
from asem_core.blocks.job import Job, run
from asem_core.cluster import executing
from asem_core.errors import AsemError, OutputError, VolumeError
from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.labels.blocks import check_ids
from asem_core.organelles import find_organelle
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.separation.inside import (
    BLOCK,
    Separated,
    check_separable,
    find_objects,
    name_of_instances,
    numbers,
    scratch_bytes,
)
from asem_core.specs import OrganelleSpec, Separation
from asem_core.volume.address import Location, destination_of
from asem_core.volume.check import WRITE_ANEW, check_values
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan, OmeVersion
from asem_core.volume.kind import Kind, check_is_labels, stated_kind
from asem_core.volume.opening import as_volume
from asem_core.volume.provenance import maker, provenance
from asem_core.volume.staging import staged_bytes
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster import Dask

VERB = "asem instances"
CHUNK: Triple = (64, 64, 64)


def instances(
    prediction: Volume | str | Path,
    output: str | Location,
    *,
    organelle: OrganelleSpec | str | Path,
    registry: Registry | None = None,
    kind: Kind | None = None,
    threshold: float | None = None,
    separation: Separation | Mapping[str, float] | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    ome_version: OmeVersion | None = None,
    shard: int | Triple | None = None,
    overwrite: bool = False,
    executor: Dask | Client | None = None,
    progress: Progress = silent,
    block: Triple = BLOCK,
) -> Separated:
    """Give every object of an organelle an id, those that touch too.

    Parameters
    ----------
    prediction
        A probability map ``(z, y, x)``, uint8 (255 is 1) or floats in [0, 1], or labels, non-zero where the organelle
        is; or the address. Of an OME-Zarr by `asem_core.segment` the probability map is taken.
    output
        OME-Zarr to make on the same grid: ``prediction``, and under ``labels/<organelle>_instances`` the ids, uint32,
        from 1 in the order of first voxels (z, y, x); 0 is background.
    organelle
        The name of an installed organelle, a file that describes one (docs/organelles.md), or its spec.
    registry
        By default everything installed.
    kind
        ``"labels"`` or ``"probabilities"``, where the data does not say (uint8 in TIFF, HDF5 or a plain array).
    threshold
        Of probabilities, above 0, up to 1; by default the organelle's.
    separation
        Instead of the organelle's; or those of its fields, by name, that differ.
    voxel_size
        nm (z, y, x), where the data does not state it; see `open_volume`.
    ome_version, shard
        Version of OME-Zarr, by default 0.4; sides in voxels of the files that hold chunks, then it is 0.5. By default
        every chunk is a file.
    executor
        Where blocks run: a `distributed.Client`, or what `asem_core.cluster.connect` gives; by default on this machine.
        Does not change the result.
    block
        Voxels per axis of a block. The result does not depend on it.

    Raises
    ------
    AsemError
        The organelle is one network, without separate objects, or a number cannot be.
    VolumeError
        Floats outside [0, 1], or it may be labels as well as probabilities.
    OutputError
        See `asem_core.blocks.job.run`.

    Notes
    -----
    A watershed by dynamics (Grimaud 1992; Najman and Schmitt 1996) of the distance to the background: every voxel
    climbs by the steepest ascent (Cousty et al. 2009) to a peak, and neighbouring basins are one object where the way
    between their peaks dips too little. docs/instances.md says what it was measured to do.

    Examples
    --------
    >>> made = instances("mito.zarr", "mito_instances.zarr", organelle="mito")  # doctest: +SKIP
    >>> made.objects  # doctest: +SKIP
    """
    registry = registry or make_registry()
    spec = check_separable(find_organelle(organelle, registry))
    settings = _separation(spec, separation)
    volume = as_volume(prediction, registry=registry, voxel_size=voxel_size)
    kind = stated_kind(volume, kind)
    if kind == "labels":
        check_is_labels(volume)
    least = _threshold(spec.threshold if threshold is None else threshold)
    destination = destination_of(output)
    if destination.suffix != ".zarr":
        raise OutputError(f"{destination}: instances are written as an OME-Zarr; name it NAME.zarr")
    check_values(volume, advice=WRITE_ANEW, progress=progress)
    with executing(executor):
        check_ids(volume, progress=progress)
        return _run(
            volume,
            destination,
            organelle=spec.name,
            kind=kind,
            threshold=least,
            separation=settings,
            ome_version=ome_version,
            shard=shard,
            overwrite=overwrite,
            progress=progress,
            block=block,
        )


def _separation(organelle: OrganelleSpec, given: Separation | Mapping[str, float] | None) -> Separation:
    if isinstance(given, Separation):
        return given
    try:
        return attrs.evolve(organelle.separation, **dict(given or {}))
    except (TypeError, ValueError) as error:
        raise AsemError(f"the separation of {organelle.name}: {error.args[0]}") from None


def _threshold(value: float) -> float:
    if not 0 < value <= 1:
        raise VolumeError(f"the threshold of probabilities lies above 0 and is at most 1, got {value}")
    return value


def _run(
    volume: Volume,
    destination: Location,
    *,
    organelle: str,
    kind: Kind,
    threshold: float,
    separation: Separation,
    ome_version: OmeVersion | None,
    shard: int | Triple | None,
    overwrite: bool,
    progress: Progress,
    block: Triple,
) -> Separated:
    name = name_of_instances(organelle)
    plan = _plan(volume, name, kind=kind, ome_version=ome_version, shard=shard)

    def compute(run: Run) -> Callable[[Box], Mapping[str, npt.NDArray[Any]]]:
        source = run.readable(volume)
        objects = find_objects(
            run,
            source.read,
            volume.shape,
            kind=kind,
            threshold=threshold,
            voxel_size=volume.voxel_size,
            separation=separation,
            block=block,
        )
        run.results.update(numbers(objects, volume.voxel_size))
        return lambda box: {IMAGE: source.read(box), name: objects.ids(box)}

    settings: dict[str, Any] = {
        "organelle": organelle, "kind": kind, "separation": attrs.asdict(separation),
        "threshold": threshold if kind == "probabilities" else None,
    }  # fmt: skip
    done = run(
        Job(
            verb=VERB,
            destination=destination,
            plan=plan,
            fill=produce(compute, sweep="writing", block=block, plan=plan),
            inputs={"prediction": volume},
            settings=settings,
            provenance=provenance(
                VERB, volume, **settings, voxel_size_nm=list(volume.voxel_size.zyx), made_from=maker(volume)
            ),
            scratch_bytes=staged_bytes(volume) + scratch_bytes(volume.shape),
        ),
        overwrite=overwrite,
        progress=progress,
    )
    return Separated(path=done.path, organelle=organelle, labels=name, **done.results)


def _plan(
    volume: Volume, name: str, *, kind: Kind, ome_version: OmeVersion | None, shard: int | Triple | None
) -> OmePlan:
    dtype: np.dtype[Any] = np.dtype(np.uint8) if volume.dtype.kind == "b" else volume.dtype
    image = ArrayPlan(
        shape=volume.shape, dtype=dtype, chunk=CHUNK, reduction="mean" if kind == "probabilities" else "mode"
    )
    return OmePlan(
        image=image,
        labels={name: attrs.evolve(image, dtype=np.uint32)},
        voxel_size=volume.voxel_size,
        lower_edge_nm=volume.lower_edge_nm,
        ome_version=ome_version,
        shard=shard,
    )
