"""Thinning: an object down to lines in its middle, its topology kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]
Depth = npt.NDArray[np.float32]
Weights = npt.NDArray[np.float32]
Cut = tuple[tuple[bool, bool], tuple[bool, bool], tuple[bool, bool]]
"""Of the low and the high face of a box along z, y and x: whether it is one of the volume that cuts the object."""

UNCUT: Cut = ((False, False), (False, False), (False, False))

_STEPS = np.array([(z, y, x) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (z, y, x) != (0, 0, 0)])
"""To the 26 neighbours."""
_FAR = np.abs(_STEPS).sum(axis=1)
_APART = np.abs(_STEPS[:, None] - _STEPS[None])
_TOUCH: Weights = (_APART.max(axis=2) <= 1).astype(np.float32)
"""Which of the neighbours are neighbours (26) of each other."""
_SHARE: Weights = ((_APART.sum(axis=2) <= 1) & (_FAR <= 2)[:, None] & (_FAR <= 2)[None]).astype(np.float32)
"""Which of the 18 nearer neighbours share a face."""
_FACES = np.flatnonzero(_FAR == 1)
_STEEPEST = 0.5
"""A line ends where depth rises from its end by no more than that of the way: it does by 0.58 and more from a corner of
two or three faces, and by 1 from the tip of a round end."""
_MOST = 100_000
"""Voxels that are looked at at once."""


def thin(mask: Mask, *, depth_nm: Depth, voxel_size_nm: Sequence[float]) -> Mask:
    """The curve skeleton of ``mask`` ``(z, y, x)``: lines of one voxel, with its pieces, tunnels and cavities.

    Parameters
    ----------
    depth_nm
        How far the surface is from every voxel, see `depths_nm`: what is nearer goes first.
    voxel_size_nm
        z, y, x.

    Notes
    -----
    Voxels are removed layer by layer, where that changes no topology (simple points: Bertrand and Malandain 1994) and
    they are no end of a line. Of a layer the voxels of one of eight subfields, by the parity of their coordinates, go
    at once (Bertrand and Aktouf 1994): no two of these touch, so each is looked at as it is. Thinning after Lee et
    al. (1994), as scikit-image has it, does not look for ends again while a layer goes: of a straight tube of an even
    number of voxels across it left three voxels, or none.

    Examples
    --------
    >>> rod = np.zeros((8, 8, 30), bool)
    >>> rod[2:6, 2:6, 5:25] = True
    >>> bool(15 <= thin(rod, depth_nm=depths_nm(rod, (5, 5, 5)), voxel_size_nm=(5, 5, 5)).sum() <= 20)
    True
    """
    from scipy import ndimage

    padded, depth = np.pad(np.asarray(mask, np.bool_), 1), np.pad(depth_nm, 1).ravel()
    solid = padded.ravel()
    steps = _STEPS @ np.array([padded.shape[1] * padded.shape[2], padded.shape[2], 1])
    border = np.flatnonzero(padded & ~ndimage.binary_erosion(padded))
    apart = np.linalg.norm(_STEPS * np.array(voxel_size_nm), axis=1)
    level = min(voxel_size_nm)
    while len(border):
        layer = border[depth[border] <= level]
        removed = [
            gone for field in _subfields(layer, padded.shape) for gone in _peel(solid, field, steps, depth, apart)
        ]
        inner = (np.concatenate([layer[:0], *removed])[:, None] + steps[_FACES]).ravel()
        if len(inner):
            border = np.unique(np.concatenate([border, inner]))
            border = border[solid[border]]
            continue
        deeper = depth[border][depth[border] > level]
        if not len(deeper):
            break
        level = max(level + min(voxel_size_nm), float(deeper.min()))
    return padded[1:-1, 1:-1, 1:-1]


def depths_nm(mask: Mask, voxel_size_nm: Sequence[float], *, cut: Cut = UNCUT) -> Depth:
    """From every voxel of ``mask`` to the nearest one outside, centre to centre; what lies beyond the array is outside.

    In memory 24 bytes for every voxel.

    Parameters
    ----------
    cut
        Faces of the array beyond which the object goes on unseen: no surface is there. All count as surface where
        nothing else is outside.
    """
    from scipy import ndimage

    outside = np.array([[0 if here else 1 for here in faces] for faces in cut])
    if not outside.any() and mask.all():
        outside[:] = 1
    padded = np.pad(mask, outside)
    nearest: npt.NDArray[np.int32] = ndimage.distance_transform_edt(
        padded, sampling=voxel_size_nm, return_distances=False, return_indices=True
    )
    found = np.zeros(padded.shape, np.float32)
    for axis, nm in enumerate(voxel_size_nm):
        here = np.expand_dims(np.arange(padded.shape[axis], dtype=np.int32), [a for a in range(3) if a != axis])
        found += np.square((nearest[axis] - here) * np.float32(nm))
    own = tuple(slice(a, n - b) for (a, b), n in zip(outside, padded.shape, strict=True))
    return np.sqrt(found[own])


def _subfields(border: Index, shape: tuple[int, ...]) -> Iterator[Index]:
    z, y, x = np.unravel_index(border, shape)
    parity = 4 * (z % 2) + 2 * (y % 2) + x % 2
    for field in range(8):
        yield border[parity == field]


def _peel(solid: Mask, field: Index, steps: Index, depth: Depth, apart: npt.NDArray[np.float64]) -> Iterator[Index]:
    """Remove from ``solid`` what can be of ``field``, where no two voxels touch; ``apart``: lengths of ``steps``."""
    for begin in range(0, len(field), _MOST):
        some = field[begin : begin + _MOST]
        around = solid[some[:, None] + steps]
        only = around.argmax(axis=1)
        rise = (depth[some + steps[only]] - depth[some]) / apart[only]
        is_end = (around.sum(axis=1) == 1) & (rise <= _STEEPEST)
        gone = some[~is_end & is_simple(around)]
        solid[gone] = False
        yield gone


def is_simple(around: Mask) -> Mask:
    """Whether a voxel can go without a change of topology, by its 26 neighbours ``(n, 26)``.

    The object around it must be one piece (26-connected), and so must be the background that has a face in common with
    it (6-connected, within the 18 nearer neighbours).
    """
    background = ~around
    return _is_one(around, around, _TOUCH) & _is_one(background & (_FAR <= 2), background & (_FAR == 1), _SHARE)


def _is_one(members: Mask, wanted: Mask, linked: Weights) -> Mask:
    """Whether all that is ``wanted``, which is something, hangs together within ``members``."""
    reached = np.zeros_like(members)
    some = wanted.any(axis=1)
    reached[np.flatnonzero(some), wanted[some].argmax(axis=1)] = True
    while True:
        grown = members & ((reached.astype(np.float32) @ linked) > 0)
        if (grown == reached).all():
            return np.asarray(some & ~(wanted & ~reached).any(axis=1))
        reached = grown
