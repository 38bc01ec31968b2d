"""One object cut in two between two of its voxels: a graph cut on the supervoxels inside of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_annotate.brush import paint
from asem_annotate.energy import boundary_costs
from asem_annotate.graph import adjacency
from asem_annotate.labelling import BACKGROUND, FIRST, Seeds, solve
from asem_annotate.prepared import Prepared, prepare
from asem_annotate.proofread.edited import Edited
from asem_annotate.proofread.operation import Cut, Half
from asem_annotate.proofread.proof import Proof
from asem_annotate.proofread.table import Table, measure
from asem_annotate.region import to_uint8
from asem_annotate.scene import check_memory, check_size
from asem_annotate.settings import Settings, choose_settings
from asem_core.errors import AsemError, GeometryError
from asem_core.geometry import Box, Triple, VoxelSize, triple
from asem_core.volume import Volume, graded

Mask = npt.NDArray[np.bool_]

_SUPERVOXELS = 1000
"""Of a small object, about: their edge becomes shorter than the organelle's."""
_CORE, _APART = 0.5, 0.4
"""As far round a point all belongs to it: parts of its depth and of the distance between the points, the smaller."""
_MORE_DISTANCE = (1, 10, 100)
"""By which distance weighs more where a cut encloses a part, for there is no narrow place between the points."""
_ENCLOSED = 0.6
"""Surface of a part with the other one for one of its own; of a ball that is halved it is 0.5."""


def settings_of(organelle: str, voxels: int) -> Settings:
    """Those of a cut inside an object of ``voxels`` voxels.

    Grey levels on its two sides are alike and say nothing. Distance hardly counts: a narrow place is where objects
    touch, also where it is nearer to one of the points.
    """
    begun = choose_settings(organelle, appearance="grey", appearance_weight=0.0, distance_weight=0.01)
    return attrs.evolve(begun, edge=min(begun.edge, max(1.0, (voxels / _SUPERVOXELS) ** (1 / 3))))


def halve(
    proof: Proof,
    edited: Edited,
    number: int,
    *,
    points: Sequence[Triple],
    new: int,
    image: Volume | None,
    settings: Settings | None,
) -> Cut:
    """Cut the object ``number``; see `asem_annotate.proofread.split`."""
    row = edited.row(number)
    box = edited.table.box(row)
    check_size(box, proof.volume, remedy="choose a smaller object, or delete it and label the place anew")
    if len(set(points)) < len(points):
        raise AsemError(f"to split {number} takes two different voxels, got {points[0]} (z,y,x) twice")
    for point in points:
        _check_inside(point, number, proof, edited)
    chosen = settings or settings_of(proof.organelle, int(edited.table.voxels[row]))
    check_memory(box, proof.volume, chosen, remedy="choose a smaller object, or larger supervoxels (settings)")
    local = [triple([p - a for p, a in zip(point, box.start, strict=True)]) for point in points]
    mask = edited.ids(box) == number
    taken = divide(
        mask, local, grey=_grey(proof, image, box), voxel_size=proof.volume.voxel_size, box=box, settings=chosen
    )
    return Cut.of(taken, box, _halves(proof, edited, box, taken, number=number, new=new))


def divide(
    mask: Mask,
    points: Sequence[Triple],
    *,
    grey: npt.NDArray[np.uint8] | None = None,
    voxel_size: VoxelSize,
    box: Box | None = None,
    settings: Settings,
) -> Mask:
    """Which voxels of an object go to the second of two points.

    Parameters
    ----------
    mask
        The object ``(z, y, x)``.
    points
        Two voxels of it.
    grey
        ``(z, y, x)``: the cut follows its edges. By default narrow places alone count.
    box
        Where ``mask`` lies in the volume.

    Notes
    -----
    The energy is that of `asem_annotate.solve`, but that a boundary costs less the less deep below the surface it lies.
    Where no place is narrow, the cheapest cut takes a small part out of the inside; then distance from the points
    weighs ten times as much, and if need be a hundred times.

    Examples
    --------
    >>> bar = np.zeros((7, 7, 24), bool)
    >>> bar[1:6, 1:6, 1:11] = bar[1:6, 1:6, 13:23] = bar[3, 3, 11:13] = True
    >>> taken = divide(bar, [(3, 3, 4), (3, 3, 18)], voxel_size=VoxelSize((5, 5, 5)),
    ...                settings=settings_of("mito", int(bar.sum())))
    >>> int(taken[..., :11].sum()), int(taken[..., 13:].sum())
    (0, 250)
    """
    around = np.pad(mask, 1)  # what lies beyond the box is not the object
    depth = ndimage.distance_transform_edt(around, sampling=voxel_size.zyx)[1:-1, 1:-1, 1:-1]
    shade = np.zeros(mask.shape, np.uint8) if grey is None else grey
    prepared = _within(prepare(shade, box=box, voxel_size=voxel_size, settings=settings), mask)
    costs = boundary_costs(prepared, settings) * _inner(prepared, depth)
    seeds = _seeds(depth, points, voxel_size)
    for more in _MORE_DISTANCE:
        weighed = attrs.evolve(settings, distance_weight=more * settings.distance_weight)
        taken: Mask = mask & (solve(prepared, seeds, settings=weighed, boundary=costs) == FIRST)
        if not _encloses(mask, taken):
            break
    return taken


def _inner(prepared: Prepared, depth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How deep the boundary of each pair of supervoxels lies, 0 to 1: at a narrow place it costs less."""
    inner = prepared.mean(depth) / depth.max()
    u, v = prepared.pairs.T
    found: npt.NDArray[np.float64] = inner[u] * inner[v]
    return found


def _encloses(mask: Mask, taken: Mask) -> bool:
    """Whether much of the surface of a part is with the other part: it was cut out round its point, not cut off."""
    whole, first, second = (_surface(part) for part in (mask, mask & ~taken, taken))
    contact = (first + second - whole) / 2
    return contact > _ENCLOSED * (min(first, second) - contact)


def _surface(mask: Mask) -> int:
    """Faces of voxels round ``mask``."""
    return sum(int(np.count_nonzero(np.diff(np.pad(mask, 1), axis=axis))) for axis in range(3))


def _within(prepared: Prepared, mask: Mask) -> Prepared:
    """``prepared`` with neighbours only where they share a face inside of ``mask``."""
    outside = prepared.nodes
    pairs = adjacency(np.where(mask, prepared.ids, np.int32(outside)))
    return attrs.evolve(prepared, pairs=pairs[(pairs != outside).all(axis=1)])


def _seeds(depth: npt.NDArray[np.float64], points: Sequence[Triple], voxel_size: VoxelSize) -> Seeds:
    """A ball round each point, inside of the object and apart from the other one."""
    apart = math.dist(*(np.multiply(point, voxel_size.zyx) for point in points))
    seeds = np.zeros(depth.shape, np.uint8)
    for value, point in zip((BACKGROUND, FIRST), points, strict=True):
        radius = min(_CORE * depth[point], _APART * apart)
        seeds = paint(seeds, [point], value=value, radius_nm=radius, voxel_size=voxel_size)
    return seeds


def _check_inside(point: Triple, number: int, proof: Proof, edited: Edited) -> None:
    at = Box(point, [p + 1 for p in point])
    if not proof.volume.box.contains(at):
        raise AsemError(f"voxel {','.join(map(str, point))} (z,y,x) lies outside: the label is {proof.volume.shape}")
    found = int(edited.ids(at).item())
    if found != number:
        there = f"object {found}" if found else "background"
        raise AsemError(f"voxel {','.join(map(str, point))} (z,y,x) is not in object {number} but in {there}")


def _grey(proof: Proof, image: Volume | None, box: Box) -> npt.NDArray[np.uint8] | None:
    if image is None:
        found = proof.probabilities(box)
        return None if found is None else np.rint(255 * found).astype(np.uint8)
    if image.shape != proof.volume.shape:
        raise GeometryError(
            f"{image.uri} is {image.shape} voxels, {proof.volume.uri} is {proof.volume.shape}: give an image on the "
            "grid of the label"
        )
    return to_uint8(graded(image, None).read(box))


def _halves(proof: Proof, edited: Edited, box: Box, taken: Mask, *, number: int, new: int) -> tuple[Half, Half]:
    around = box.grow(1).intersect(proof.volume.box)
    ids = edited.ids(around)
    ids[box.shift([-a for a in around.start]).slices][taken] = new
    table = measure(ids, around, core=around, probability=proof.probabilities(around))
    return _half(table, number), _half(table, new, without=number)


def _half(table: Table, number: int, *, without: int | None = None) -> Half:
    row = int(np.searchsorted(table.ids, number))
    total = float(table.probability[row])
    touches = [
        (other, *faces)
        for (a, b), faces in zip(table.pairs.tolist(), table.faces.tolist(), strict=True)
        if number in (a, b) and (other := b if a == number else a) != without
    ]
    low, high, inside = (tuple(getattr(table, name)[row].tolist()) for name in ("low", "high", "inside"))
    return Half(
        id=number,
        voxels=int(table.voxels[row]),
        low=low,
        high=high,
        inside=inside,
        probability=None if np.isnan(total) else total,
        touches=tuple(touches),
    )
