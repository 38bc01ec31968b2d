"""A prepared volume: all of a graph cut that does not depend on the seeds."""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.appearance import Features, describe
from asem_annotate.graph import Pairs, adjacency
from asem_annotate.lattice import Cells
from asem_annotate.settings import Settings
from asem_annotate.supervoxels import Grey, Ids, smoothed, supervoxels
from asem_core.geometry import Box, FloatTriple, Triple, VoxelSize
from asem_core.progress import Progress, silent

Floats = npt.NDArray[np.float64]

_BYTES_PER_VOXEL, _BYTES_PER_SUPERVOXEL = 40, 800
"""Peak of `prepare` and of a cut: 41, 55 and 134 a voxel were measured at edges of 5, 3 and 2 voxels."""


@attrs.frozen(kw_only=True, eq=False)
class Prepared:
    """Supervoxels, who touches whom, and what each looks like. Distances are in voxels along the finest axis."""

    ids: Ids
    """``(z, y, x)``: supervoxels 0 to n - 1."""
    binned: npt.NDArray[np.uint8]
    """``(z, y, x)``: the bin of each voxel's grey level."""
    cells: npt.NDArray[np.int32]
    """``(n,)``: the cell of each supervoxel in the lattice."""
    lattice: Triple
    """Cells per axis."""
    side: FloatTriple
    """Of a cell."""
    step: FloatTriple
    """Of a voxel per axis: 1 along the finest."""
    voxels: npt.NDArray[np.int64]
    """``(n,)``: how many each has."""
    grey: Floats
    """``(n,)``: mean."""
    centre: Floats
    """``(n, 3)``: mean place."""
    histogram: npt.NDArray[np.float32]
    """``(n, bins)``: share of its voxels in each bin."""
    features: Features
    """``(n, k)``: what each looks like."""
    pairs: Pairs
    """Supervoxels that share a face."""

    @property
    def nodes(self) -> int:
        """How many supervoxels there are."""
        return len(self.voxels)

    def mean(self, values: npt.NDArray[np.floating]) -> Floats:
        """The mean of ``values`` ``(z, y, x)`` over each supervoxel ``(n,)``."""
        total = np.bincount(self.ids.ravel(), weights=values.ravel(), minlength=self.nodes)
        return np.asarray(total / self.voxels, np.float64)


def bytes_per_voxel(settings: Settings, voxel_size: VoxelSize) -> float:
    """About what it takes to prepare a volume and to cut it.

    >>> [round(bytes_per_voxel(Settings(edge=edge), VoxelSize((8, 8, 8)))) for edge in (5, 3, 2)]
    [46, 70, 140]
    """
    return _BYTES_PER_VOXEL + _BYTES_PER_SUPERVOXEL / math.prod(settings.slic.side(voxel_size))


def prepare(
    grey: Grey,
    *,
    box: Box | None = None,
    voxel_size: VoxelSize,
    settings: Settings,
    levels: tuple[int, int] | None = None,
    progress: Progress = silent,
) -> Prepared:
    """Supervoxels, adjacency and statistics of a volume.

    Parameters
    ----------
    grey
        ``(z, y, x)``, uint8.
    box
        Where it lies in the volume whose voxel 0 the lattice begins at; by default there.
    levels
        The darkest and the brightest grey level, between which levels are told apart in equal bins; by default those of
        ``grey``, smoothed.
    """
    box, slic = box or Box.of_shape(grey.shape), settings.slic
    fine = smoothed(grey, slic.smooth, voxel_size=voxel_size)
    cells = Cells(box=box, side=slic.side(voxel_size))
    steps = slic.iterations + 2

    def moved(move: int) -> None:
        progress("preparing", move + 1, steps)

    progress("preparing", 0, steps)
    numbers = supervoxels(fine, box=box, voxel_size=voxel_size, params=slic, moved=moved)
    counts = np.bincount(numbers.ravel())
    used = np.flatnonzero(counts)
    compact = np.zeros(len(counts), np.int32)
    compact[used] = np.arange(len(used))
    ids = compact[numbers]
    coarse = smoothed(grey, settings.grey_smooth, voxel_size=voxel_size)
    binned = bins_of(levels or (int(coarse.min()), int(coarse.max())), settings.bins)[coarse]
    voxels = counts[used]
    step = _in_finest(voxel_size.zyx)
    pairs = adjacency(ids)
    features = np.zeros((len(used), 0), np.float32)
    if settings.appearance == "texture":
        features = describe(grey, ids, voxels=voxels, pairs=pairs, voxel_size=voxel_size)
    made = Prepared(
        ids=ids,
        binned=binned,
        cells=used.astype(np.int32),
        lattice=cells.shape,
        side=_scaled(cells.side, step),
        step=step,
        voxels=voxels,
        grey=np.bincount(ids.ravel(), weights=fine.ravel()) / voxels,
        centre=_centres(ids, voxels, step),
        histogram=_histograms(ids, binned, voxels, settings.bins),
        features=features,
        pairs=pairs,
    )
    progress("preparing", steps, steps)
    return made


def bins_of(levels: tuple[int, int], bins: int) -> npt.NDArray[np.uint8]:
    """The bin of each of 256 grey levels: equal ones from the darkest to the brightest of ``levels``.

    >>> bins_of((100, 200), 4)[[0, 100, 124, 125, 199, 200, 255]].tolist()
    [0, 0, 0, 1, 3, 3, 3]
    """
    low, high = levels
    table = (np.arange(256) - low) * bins // max(high - low, 1)
    return np.clip(table, 0, bins - 1).astype(np.uint8)


def _centres(ids: Ids, voxels: npt.NDArray[np.int64], step: FloatTriple) -> Floats:
    found = []
    for axis, (n, length) in enumerate(zip(ids.shape, step, strict=True)):
        place = np.arange(n).reshape([-1 if a == axis else 1 for a in range(3)])
        total = np.bincount(ids.ravel(), weights=np.broadcast_to(place, ids.shape).ravel())
        found.append(total / voxels * length)
    return np.stack(found, axis=1)


def _histograms(
    ids: Ids, binned: npt.NDArray[np.uint8], voxels: npt.NDArray[np.int64], bins: int
) -> npt.NDArray[np.float32]:
    table = np.bincount(ids.ravel().astype(np.int64) * bins + binned.ravel(), minlength=len(voxels) * bins)
    return (table.reshape(-1, bins) / voxels[:, None]).astype(np.float32)


def _in_finest(lengths: FloatTriple) -> FloatTriple:
    z, y, x = lengths
    finest = min(lengths)
    return (z / finest, y / finest, x / finest)


def _scaled(side: Triple, step: FloatTriple) -> FloatTriple:
    return (side[0] * step[0], side[1] * step[1], side[2] * step[2])
