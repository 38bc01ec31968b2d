"""Surfaces of all objects of a volume, block by block on disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.analysis import Numbered, View
from asem_core.blocks import map_blocks
from asem_core.geometry import Box
from asem_mesh.surface import Piece, find_surface, join


@attrs.frozen(kw_only=True)
class _Place:
    """Where the piece of an object begins and ends in the file of a block."""

    block: Path
    vertices: slice
    faces: slice


@attrs.frozen(kw_only=True)
class Pieces:
    """Where the pieces of every object are."""

    places: Mapping[int, Sequence[_Place]]
    """By the number of the object."""

    def triangles(self, number: int) -> int:
        """Of the whole surface of the object ``number``."""
        return sum(place.faces.stop - place.faces.start for place in self.places[number])

    def surface(self, number: int) -> Piece:
        """The whole surface of the object ``number``."""
        return join([_read(place) for place in self.places[number]])


def cut_surfaces(view: View, objects: Numbered, *, folder: Path) -> Pieces:
    """Find the surfaces of ``objects``, a block at a time, closed where the volume ends.

    ::

        voxels     | . . . . | . . . . |      a block has the triangles between its voxels, and between
        triangles  [- - - - -][- - - - ]      its last and the next one: no gap, and none twice

    Parameters
    ----------
    folder
        Exists; 12 bytes for a vertex, and as many for a triangle.
    """

    def cut(box: Box) -> dict[int, _Place]:
        read = _cells(box, view.box)
        inside = read.intersect(view.box)
        ids = np.zeros(read.shape, np.int64)
        ids[inside.shift([-s for s in read.start]).slices] = objects.read(inside)
        return _write(folder / f"{'_'.join(map(str, box.start))}", _surfaces(ids, read))

    places: defaultdict[int, list[_Place]] = defaultdict(list)
    for found in map_blocks(cut, view.blocks, sweep="surfaces", progress=view.progress):
        for number, place in found.items():
            places[number].append(place)
    return Pieces(places=places)


def _cells(box: Box, whole: Box) -> Box:
    """The voxels of ``box``, the ones after, and before the first voxel of the volume the one before."""
    return Box([s - (s == w) for s, w in zip(box.start, whole.start, strict=True)], [e + 1 for e in box.stop])


def _surfaces(ids: npt.NDArray[np.int64], box: Box) -> dict[int, Piece]:
    """Of every object in ``ids``, the numbers in ``box``, what is not the same everywhere."""
    from scipy import ndimage

    numbers = np.unique(ids[ids > 0])
    if not len(numbers):
        return {}
    local = np.zeros(numbers[-1] + 1, np.int32)
    local[numbers] = np.arange(1, len(numbers) + 1)
    found: dict[int, Piece] = {}
    for number, place in zip(numbers, ndimage.find_objects(local[ids]), strict=True):
        own = Box([s.start for s in place], [s.stop for s in place]).grow(1).intersect(Box.of_shape(ids.shape))
        mask = ids[own.slices] == number
        if not mask.all():
            found[int(number)] = find_surface(mask, own.shift(box.start).start)
    return found


def _write(path: Path, found: Mapping[int, Piece]) -> dict[int, _Place]:
    places, vertex, face = {}, 0, 0
    for number, piece in found.items():
        ends = vertex + len(piece.halves), face + len(piece.faces)
        places[number] = _Place(block=path, vertices=slice(vertex, ends[0]), faces=slice(face, ends[1]))
        vertex, face = ends
    if found:
        for end, parts in _FILES.items():
            np.save(path.with_suffix(end), np.concatenate([parts(piece) for piece in found.values()]))
    return places


_FILES: Mapping[str, Callable[[Piece], npt.NDArray[Any]]] = {".v.npy": lambda p: p.halves, ".f.npy": lambda p: p.faces}


def _read(place: _Place) -> Piece:
    halves, faces = (np.load(place.block.with_suffix(end), mmap_mode="r") for end in _FILES)
    return Piece(halves=np.array(halves[place.vertices]), faces=np.array(faces[place.faces]))
