"""A registered data set's volumes, opened where they are and laid on each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import attrs

from asem_core.errors import AsemError, VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.grid.place import Placed, place
from asem_core.registry import Registry
from asem_core.specs import DatasetBlock, DatasetSpec
from asem_core.volume import Volume, as_volume, open_volume

SAME_VOXEL = 0.05
"""Fraction by which the registered voxel size, which is rounded in print, may miss the stored one."""


@attrs.frozen(kw_only=True)
class Opened:
    """A data set's image, and labels by organelle in the image's voxels."""

    spec: DatasetSpec
    image: Volume
    labels: Mapping[str, Placed]


def address(spec: DatasetSpec, path: str, *, uri: str | None = None) -> str:
    """The address of ``path`` inside the data set, or inside ``uri`` if the data set lies elsewhere.

    Examples
    --------
    >>> spec = DatasetSpec(name="c", uri="s3://b/c.zarr", voxel_size_nm=(5, 5, 5), licence="", citation="")
    >>> address(spec, "volumes/raw")
    's3://b/c.zarr/volumes/raw'
    """
    root = uri or spec.uri
    return f"{root.rstrip('/')}/{path}" if path else root


def open_dataset(
    spec: DatasetSpec, organelles: Sequence[str] = (), *, uri: str | None = None, registry: Registry | None = None
) -> Opened:
    """Open the image of ``spec`` and its labels of ``organelles``; no voxel is read.

    Raises
    ------
    AsemError
        The data set has no such labels, an address cannot be opened, voxel sizes disagree, labels lie elsewhere, or
        the image is not the one that ``spec.sha256`` names.
    """
    for organelle in organelles:
        if organelle not in spec.labels:
            known = ", ".join(spec.labels) or "none"
            raise AsemError(f"data set {spec.name}: no labels {organelle!r} are registered; there are: {known}")
    image = _open_image(spec, address(spec, spec.image, uri=uri), registry)
    if spec.sha256 not in (None, source_sha256(image)):
        raise VolumeError(
            f"{image.uri} is not the registered image of {spec.name}: the sha256 of its metadata is "
            f"{source_sha256(image)}, expected {spec.sha256}"
        )
    labels = {}
    for organelle in organelles:
        where = address(spec, spec.labels[organelle]["path"], uri=uri)
        found = as_volume(
            where, labels=organelle, registry=registry, voxel_size=image.voxel_size, only_if_unstated=True
        )
        labels[organelle] = place(found, image)
    return Opened(spec=spec, image=image, labels=labels)


def block_named(spec: DatasetSpec, name: str) -> Box:
    """The voxels of the registered block ``name``.

    Raises
    ------
    AsemError
        There is no such block, or where it lies is not published.
    """
    found: dict[str, DatasetBlock] = {block.name: block for block in spec.blocks}
    placed = [block.name for block in spec.blocks if block.start is not None]
    if name not in found:
        raise AsemError(f"data set {spec.name}: no block {name!r}; with a known place: {', '.join(placed) or 'none'}")
    start, shape = found[name].start, found[name].shape
    if start is None or shape is None:
        raise AsemError(
            f"data set {spec.name}: where block {name!r} lies is not published; "
            f"with a known place: {', '.join(placed) or 'none'}"
        )
    return Box((0, 0, 0), shape).shift(start)


def source_sha256(image: Volume) -> str:
    """SHA-256 of what an image says about itself: shape, dtype, voxel size and lower edge in nm, chunks."""
    facts = {
        "shape": image.shape,
        "dtype": str(image.dtype),
        "voxel_size_nm": image.voxel_size.zyx,
        "lower_edge_nm": image.lower_edge_nm,
        "chunks": image.chunks,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _open_image(spec: DatasetSpec, uri: str, registry: Registry | None) -> Volume:
    registered = VoxelSize(spec.voxel_size_nm)
    try:
        image = open_volume(uri, registry=registry)
    except VolumeError as exc:
        if "does not state its voxel size" not in str(exc):
            raise
        image = open_volume(uri, registry=registry, voxel_size=registered)
    if not image.voxel_size.matches(registered, tolerance=SAME_VOXEL):
        raise VolumeError(
            f"{image.uri} has voxels of {image.voxel_size}, {spec.name} is registered with {registered} (z, y, x): "
            "is it the right volume?"
        )
    return image
