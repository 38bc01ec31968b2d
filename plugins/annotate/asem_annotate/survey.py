"""What a cut by blocks has to know of all of a region: gathered block by block, and put together.

A block sees what lies round its core too. Of a supervoxel, and of the pairs that it is the lower one of, one block
speaks: that in whose core its cell begins. Of a voxel, the one in whose core it lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from asem_annotate.appearance import Features
from asem_annotate.energy import Evidence, Index, Touching, find_marked, find_strokes, sum_touching
from asem_annotate.lattice import Cells
from asem_annotate.likeness import Examples, Likeness
from asem_annotate.prepared import Floats, Prepared, bins_of, prepare
from asem_annotate.settings import Settings
from asem_annotate.store import load_arrays, save_arrays
from asem_annotate.supervoxels import Grey, smoothed
from asem_core.geometry import Box, VoxelSize

_LEVELS = 256
_SUMS = tuple(each.name for each in attrs.fields(Touching))


@attrs.frozen(kw_only=True, eq=False)
class Survey:
    """Of a region, or of the core of a block."""

    supervoxels: int
    touching: Touching
    darkest: int
    brightest: int
    """Grey levels of the image as it is smoothed for histograms."""
    levels: Index
    """``(values, 256)``: per value of the seeds, how many of its voxels have each of those levels."""
    cells: npt.NDArray[np.int64]
    """``(n, 4)``: value, and cell (z, y, x) in the lattice of the volume, of every supervoxel with seeds of that value.
    """
    features: Features
    """``(n, k)``: what each of these looks like."""
    weights: Floats
    """``(n,)``: the share of its seeds that are of that value."""

    @property
    def examples(self) -> Examples:
        """The supervoxels with seeds, to learn from."""
        return Examples(features=self.features, values=self.cells[:, 0].astype(np.uint8), weights=self.weights)

    def evidence(
        self,
        prepared: Prepared,
        box: Box,
        *,
        likeness: Mapping[int, Likeness],
        voxel_size: VoxelSize,
        settings: Settings,
    ) -> Evidence:
        """What all seeds of the region say of the supervoxels of ``box``, ``likeness`` learned from `examples`."""
        bins = bins_of((self.darkest, self.brightest), settings.bins)
        places = _cells(prepared, box, voxel_size=voxel_size, settings=settings) * prepared.side
        levels, distance = {}, {}
        for value in np.flatnonzero(self.levels.sum(axis=1)).tolist():
            levels[value] = np.bincount(bins, weights=self.levels[value], minlength=settings.bins).astype(np.int64)
            seeded = self.cells[self.cells[:, 0] == value, 1:] * prepared.side
            distance[value] = nearest(places, seeded)
        return Evidence(levels=levels, distance=distance, likeness=likeness)


def survey(
    grey: Grey,
    seeds: npt.NDArray[np.uint8],
    *,
    box: Box,
    core: Box,
    whole: Box,
    values: int,
    voxel_size: VoxelSize,
    settings: Settings,
) -> Survey:
    """Look at a block.

    Parameters
    ----------
    grey
        ``(z, y, x)`` of ``box``.
    seeds
        As ``grey``.
    box
        ``core`` and so much of the region round it that supervoxels near ``core`` are those of the whole, see
        `asem_annotate.by_blocks.halo_of`.
    whole
        The region.
    values
        That seeds may have, with 0.
    """
    prepared = prepare(grey, box=box, voxel_size=voxel_size, settings=settings)
    cells = _cells(prepared, box, voxel_size=voxel_size, settings=settings)
    begins = np.maximum(cells * settings.slic.side(voxel_size), whole.start)
    own = ((begins >= core.start) & (begins < core.stop)).all(axis=1)
    place = core.shift([-a for a in box.start]).slices
    coarse = smoothed(grey, settings.grey_smooth, voxel_size=voxel_size)[place]
    inner = seeds[place].astype(np.int64)
    levels = np.bincount(inner[inner > 0] * _LEVELS + coarse[inner > 0], minlength=values * _LEVELS)
    marked = find_marked(find_strokes(prepared, seeds))
    here = own[marked.nodes]
    return Survey(
        supervoxels=int(own.sum()),
        touching=sum_touching(prepared, prepared.pairs[own[prepared.pairs[:, 0]]]),
        darkest=int(coarse.min()),
        brightest=int(coarse.max()),
        levels=levels.reshape(values, _LEVELS),
        cells=np.c_[marked.values, cells[marked.nodes]][here],
        features=prepared.features[marked.nodes[here]],
        weights=marked.shares[here],
    )


def joined(parts: Sequence[Survey]) -> Survey:
    """The survey of a region, of those of all its blocks."""
    cells = np.concatenate([part.cells for part in parts])
    order = np.lexsort(cells.T[::-1])
    return Survey(
        supervoxels=sum(part.supervoxels for part in parts),
        touching=Touching(**{name: sum(getattr(part.touching, name) for part in parts) for name in _SUMS}),
        darkest=min(part.darkest for part in parts),
        brightest=max(part.brightest for part in parts),
        levels=np.sum([part.levels for part in parts], axis=0),
        cells=cells[order],
        features=np.concatenate([part.features for part in parts])[order],
        weights=np.concatenate([part.weights for part in parts])[order],
    )


def save_survey(path: Path, found: Survey) -> None:
    """Write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = attrs.asdict(found)
    save_arrays(path, flat | flat.pop("touching"), {})


def load_survey(path: Path) -> Survey | None:
    """What `save_survey` wrote; None where it is not there, or is damaged."""
    names = {field.name for field in attrs.fields(Survey)} - {"touching"} | set(_SUMS)
    found = load_arrays(path, {}, names=sorted(names))
    if found is None:
        return None
    read = {name: value if value.ndim else value.item() for name, value in found.items()}
    return Survey(touching=Touching(**{name: read.pop(name) for name in _SUMS}), **read)


def nearest(places: npt.NDArray[np.floating], targets: npt.NDArray[np.floating]) -> Floats:
    """How far each of ``places`` ``(n, 3)`` is from the nearest of ``targets`` ``(m, 3)``.

    Notes
    -----
    A target that is farther from the box of all places than some other one is from its farthest corner cannot be
    nearest to any: those are left out, so that what it takes depends on what lies near.

    Examples
    --------
    >>> nearest(np.array([[0.0, 0, 0], [0, 0, 5]]), np.array([[0.0, 0, 2], [0, 0, 90]])).tolist()
    [2.0, 3.0]
    """
    low, high = places.min(axis=0), places.max(axis=0)
    least = np.linalg.norm(np.maximum(np.maximum(low - targets, targets - high), 0), axis=1)
    most = np.linalg.norm(np.maximum(np.abs(targets - low), np.abs(targets - high)), axis=1)
    found: Floats = cKDTree(targets[least <= most.min()]).query(places)[0]
    return found


def _cells(prepared: Prepared, box: Box, *, voxel_size: VoxelSize, settings: Settings) -> npt.NDArray[np.int64]:
    """``(n, 3)``: the cell of every supervoxel in the lattice of the volume."""
    first = Cells(box=box, side=settings.slic.side(voxel_size)).first
    return np.stack(np.unravel_index(prepared.cells, prepared.lattice), axis=1).astype(np.int64) + first
