"""Seeds on disk while they are painted: an OME-Zarr of one level that states its place, written chunk by chunk.

What is written is whole after every stroke, whatever becomes of the program: it is what `asem annotate cut` takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import zarr
from filelock import FileLock, Timeout

from asem_annotate.labelling import NOTHING, Seeds
from asem_core.errors import GeometryError, OutputError, VolumeError
from asem_core.geometry import Box, Triple
from asem_core.grid import overlap
from asem_core.home import local_path
from asem_core.registry import Registry
from asem_core.volume import ArrayPlan, Volume, check_destination, create_ome_zarr, describe, open_volume, provenance

MADE_BY = "asem annotate open"
CHUNK: Triple = (64, 64, 64)
_ORGANELLES = "organelles"


@attrs.frozen(kw_only=True, eq=False)
class SeedFile:
    """Seeds on disk, ``(z, y, x)`` uint8."""

    path: Path
    seeds: Volume
    """What was there when it was opened; of new ones nothing, in memory."""
    part: Box
    """Where they lie, in voxels of the volume."""
    lock: FileLock
    """Held while they are painted: two windows would overwrite each other's strokes."""

    def close(self) -> None:
        """Let others paint them."""
        self.lock.release()

    def create(self, raw: Volume, names: Sequence[str]) -> None:
        """Make new ones on ``raw`` and of ``names``, as they were opened; what is there stays.

        Raises
        ------
        OutputError
            They cannot be written.
        """
        if self.path.exists():
            return
        create_ome_zarr(
            check_destination(self.path, overwrite=False, inputs=[raw]),
            image=ArrayPlan(shape=self.part.shape, dtype=np.uint8, chunk=CHUNK, reduction="mode", pyramid=False),
            labels={},
            voxel_size=raw.voxel_size,
            lower_edge_nm=self.seeds.lower_edge_nm,
            provenance=provenance(MADE_BY, raw, part=self.part, organelles=list(names)),
        )

    def write(self, seeds: Seeds, box: Box) -> None:
        """Write the chunks of ``seeds`` that ``box`` meets.

        Raises
        ------
        OutputError
            They cannot be written.
        """
        try:
            array = zarr.open_array(self.path / "0", mode="r+")
            chunks = box.align_out(array.chunks).intersect(Box.of_shape(seeds.shape))
            array[chunks.slices] = seeds[chunks.slices]
        except OSError as error:
            raise OutputError(f"{self.path}: seeds cannot be saved: {error.strerror or error}; make room, and paint on "
                              "or save again") from error  # fmt: skip


def open_seed_file(path: str | Path, raw: Volume, *, part: Box | None, names: Sequence[str],
                   registry: Registry | None = None) -> SeedFile:  # fmt: skip
    """Open the seeds of an earlier session, or new ones, which `SeedFile.create` makes.

    Parameters
    ----------
    part
        Voxels of ``raw`` to paint in; None: those of the seeds that are there, for new ones `usual_part`.
    names
        What the values from 2 up mean.

    Raises
    ------
    VolumeError
        What is there was not made here, for other organelles, or on another volume.
    GeometryError
        What is there covers another part.
    OutputError
        It cannot be written, or is painted elsewhere.
    """
    place = local_path(path)
    if not place.exists():
        return _new(place, raw, usual_part(raw) if part is None else part)
    found = open_volume(place, registry=registry)
    made = describe(found)["provenance"] or {}
    if made.get("made_by") != MADE_BY:
        raise VolumeError(
            f"{place} exists and is no seeds that were painted in napari; name seeds that are not there yet (NAME.zarr)"
        )
    before = made.get(_ORGANELLES, [])
    if before != list(names):
        raise VolumeError(f"{place} holds seeds of {', '.join(before)}, not of {', '.join(names)}: name other seeds")
    _check_source(place, made.get("source", {}), raw)
    there = overlap(found, raw)
    if there.shape != found.shape or part not in (None, there):
        raise GeometryError(
            f"{place} covers {there} of {raw.uri} (z,y,x voxels), not {part or 'all of it'}: leave the ROI out, or "
            "name other seeds"
        )
    return _held(place, found, part=there)


def stem(uri: str) -> str:
    """What a volume is called: its name, without the endings of formats.

    >>> stem("/data/cell.1.ome.zarr")
    'cell.1'
    """
    name = uri.rstrip("/").rpartition("/")[2]
    while name.lower().endswith(_ENDINGS):
        name = name.rpartition(".")[0]
    return name


_ENDINGS = (".zarr", ".ome", ".n5", ".precomputed", ".tif", ".tiff", ".h5", ".hdf5", ".hdf", ".mat", ".ilp", ".ims",
            ".mrc", ".rec", ".map", ".st", ".ali", ".nii", ".gz", ".nrrd", ".nhdr", ".npy", ".png", ".dat")  # fmt: skip


def usual_path(uri: str, *words: str) -> Path:
    """In this folder, after the volume and ``words``.

    >>> usual_path("s3://lab/cell.zarr", "mito", "seeds").name
    'cell_mito_seeds.zarr'
    """
    return Path("_".join((stem(uri), *words)) + ".zarr").absolute()


def usual_part(raw: Volume) -> Box:
    """All of a small volume; of a larger one, its middle.

    >>> from asem_core.geometry import VoxelSize
    >>> usual_part(Volume(array=np.zeros((90, 300, 4000), np.uint8), voxel_size=VoxelSize((5, 5, 5)), uri="cell",
    ...                   format="memory", chunks=(9, 64, 64))).shape
    (90, 256, 256)
    """
    if raw.box.size <= _USUAL**3:
        return raw.box
    sides = [min(n, _USUAL) for n in raw.shape]
    start = [(n - side) // 2 for n, side in zip(raw.shape, sides, strict=True)]
    return Box.of_shape(sides).shift(start)


_USUAL = 256


def _check_source(path: Path, source: Mapping[str, Any], raw: Volume) -> None:
    """Refuse seeds of another volume; one that was moved has its digest still."""
    before, now = (each.get("digest") for each in (source, raw.identity))
    if before in (None, now):
        return
    of = source["uri"] if source.get("uri") != raw.uri else f"{raw.uri} as it was before it changed"
    raise VolumeError(f"{path} holds seeds of {of}, not of {raw.uri}: name other seeds (--seeds)")


def _new(path: Path, raw: Volume, part: Box) -> SeedFile:
    if path.suffix != ".zarr":
        raise OutputError(f"{path}: seeds are an OME-Zarr; name it NAME.zarr")
    destination = check_destination(path, overwrite=False, inputs=[raw])
    destination.parent.mkdir(parents=True, exist_ok=True)
    lower, _ = part.to_nm(raw.voxel_size, origin_nm=raw.lower_edge_nm)
    nothing = Volume(array=np.broadcast_to(np.uint8(NOTHING), part.shape), voxel_size=raw.voxel_size,
                     lower_edge_nm=lower, states_place=True, uri=str(destination), format="memory", chunks=CHUNK,
                     identity={"uri": str(destination)})  # fmt: skip
    return _held(destination, nothing, part=part)


def _held(path: Path, seeds: Volume, *, part: Box) -> SeedFile:
    # A window opens seeds in a thread, and closes them in another.
    lock = FileLock(path.with_name(f".{path.name}.lock"), thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OutputError(f"{path} is painted in another window; close it, or name other seeds") from None
    return SeedFile(path=path, seeds=seeds, part=part, lock=lock)
