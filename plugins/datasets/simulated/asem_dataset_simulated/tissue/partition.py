"""The partition of tissue into cells: a warped power diagram of point chains, so that cells are neurite-like."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy.spatial import cKDTree  # type: ignore[import-untyped,unused-ignore]

from asem_dataset_simulated.noise import Double, Float, Index, smooth_at, smooth_grid
from asem_dataset_simulated.occupancy import Occupancy

# (spacing nm, amplitude nm) of the warps that bend the flat faces of the power diagram.
_WARPS = ((380.0, 80.0), (120.0, 19.0))
_WARP_SALT = 100
_BLOCK = 12
_CANDIDATES = 128
# Calibre range in nm, typical of neuropil, and chains tried per cubic micrometre: dendrites, axonal boutons, thin
# axons and glia.
_CALIBRES = (((300.0, 450.0), 0.5), ((170.0, 280.0), 5.0), ((100.0, 170.0), 40.0), ((55.0, 100.0), 60.0))


@frozen(eq=False)
class Cells:
    """Chains of weighted points; a place belongs to the chain with the least power distance.

    Attributes
    ----------
    points_nm : float64 (P, 3)
        Chain points, zyx in nm.
    radius_nm : float64 (P,)
        Their weights are the squares of these.
    owner : int64 (P,)
        The cell of each point.
    grey, granules, lamella_nm : float32 (C,)
        Cytosol grey value, strength of dark granules, depth of a myelin-like stack (0: none) of each cell.
    """

    seed: int
    points_nm: Double
    radius_nm: Double
    owner: Index
    grey: Float
    granules: Float
    lamella_nm: Float
    tree: cKDTree = field(init=False, repr=False)

    @tree.default
    def _lifted(self) -> cKDTree:
        lift = np.sqrt(self.radius_nm.max() ** 2 - self.radius_nm**2)
        return cKDTree(np.column_stack([self.points_nm, lift]))

    def candidates(self, points_nm: Double, count: int) -> tuple[Double, Index]:
        """Power distances and indices, nearest first, of the `count` nearest chain points: (N, count) each."""
        count = min(count, len(self.owner))
        lifted = np.column_stack([points_nm, np.zeros(len(points_nm))])
        distance, index = self.tree.query(lifted, k=count)
        return np.reshape(distance, (-1, count)) ** 2, np.reshape(index, (-1, count)).astype(np.int64)

    def locate(self, points_nm: Double) -> tuple[Index, Double]:
        """Cell (N,) and distance in nm (N,) to the middle of the nearest cleft, for points float64 (N, 3) zyx in nm."""
        warped = points_nm + np.column_stack(
            [
                sum(amp * smooth_at(self.seed, _salt(i, axis), points_nm, gap) for i, (gap, amp) in enumerate(_WARPS))
                for axis in range(3)
            ]
        )
        power, index = self.candidates(warped, 16)
        owner = self.owner[index]
        apart = np.linalg.norm(self.points_nm[index] - self.points_nm[index[:, :1]], axis=-1)
        clearance = (power - power[:, :1]) / (2 * np.maximum(apart, 1.0))
        clearance[owner == owner[:, :1]] = np.inf
        found: Double = np.minimum(clearance.min(axis=1), np.sqrt(power[:, -1] - power[:, 0]))
        return owner[:, 0], found

    def on_grid(self, axes_nm: Sequence[Double]) -> tuple[NDArray[np.int32], Float]:
        """`locate` for a whole grid: cell int32 and clearance float32, both (nz, ny, nx)."""
        shape = tuple(axis.size for axis in axes_nm)
        broadcast = [axes_nm[0][:, None, None], axes_nm[1][None, :, None], axes_nm[2][None, None, :]]
        warped = []
        for axis in range(3):
            bend = sum(
                np.float32(amp) * smooth_grid(self.seed, _salt(level, axis), axes_nm, (gap,) * 3)
                for level, (gap, amp) in enumerate(_WARPS)
            )
            warped.append((bend + broadcast[axis]).astype(np.float32))
        cell = np.empty(shape, np.int32)
        clearance = np.empty(shape, np.float32)
        parts = [
            tuple(slice(a, a + _BLOCK) for a in corner) for corner in product(*(range(0, n, _BLOCK) for n in shape))
        ]
        ends = np.array([[(w[part].min(), w[part].max()) for w in warped] for part in parts], np.float64)
        middle, reach = ends.mean(axis=2), np.linalg.norm(ends[:, :, 1] - ends[:, :, 0], axis=1) / 2
        power, index = self.candidates(middle, _CANDIDATES)
        # A point farther than this from a block's middle is never first in it, nor within about 50 nm of being second.
        near = np.sqrt(power) <= np.sqrt(power[:, :1]) + 2 * reach[:, None] + 100.0
        for part, centre, points, keep in zip(parts, middle, index, near, strict=True):
            cell[part], clearance[part] = self._block(np.stack([w[part] for w in warped]), centre, points[keep])
        return cell, clearance

    def _block(self, warped: Float, middle: Double, index: Index) -> tuple[NDArray[np.int32], Float]:
        """Cell and clearance of one small block; warped float32 (3, nz, ny, nx), chain points `index` near `middle`."""
        flat = (warped.reshape(3, -1) - middle[:, None].astype(np.float32)).astype(np.float32)
        points = (self.points_nm[index] - middle).astype(np.float32)
        offset = (points**2).sum(axis=1) - (self.radius_nm[index] ** 2).astype(np.float32)
        powers = offset[:, None] - np.float32(2) * (points @ flat)
        first = powers.argmin(axis=0)
        least = powers[first, np.arange(powers.shape[1])]
        apart = np.maximum(np.linalg.norm(points[:, None] - points[None], axis=-1), 1.0)
        owner = self.owner[index]
        factor = np.where(owner[:, None] == owner[None], np.nan, 0.5 / apart).astype(np.float32)
        clearance = np.full(least.shape, 400.0, np.float32)
        powers -= least
        for k, factors in enumerate(factor):
            np.fmin(clearance, powers[k] * factors[first], out=clearance)
        own = owner[first].reshape(warped.shape[1:])
        return own.astype(np.int32), clearance.reshape(warped.shape[1:])


def _salt(level: int, axis: int) -> int:
    return _WARP_SALT + 3 * level + axis


def _chain(
    rng: np.random.Generator, start: Double, calibre: float, taken: Occupancy, low: Double, high: Double
) -> list[Double]:
    """Walk from `start` both ways until something is in the way; at most 24 points either way."""
    heading = rng.normal(size=3)
    chain = [start]
    for sign in (1.0, -1.0):
        direction = sign * heading / np.linalg.norm(heading)
        here = start
        for _ in range(24):
            direction = direction + 0.35 * rng.normal(size=3)
            direction /= np.linalg.norm(direction)
            here = here + 0.8 * calibre * direction
            if np.any(here < low) or np.any(here > high) or not taken.is_free(here, 0.95 * calibre):
                break
            chain.append(here)
    return chain


def make_cells(extent_nm: Double, margin_nm: float, seed: int, rng: np.random.Generator) -> Cells:
    """Fill the volume 0..extent_nm (3,), and a margin round it, with chains from thick to thin."""
    low, high = np.full(3, -margin_nm), extent_nm + margin_nm
    volume_um3 = float(np.prod(high - low)) * 1e-9
    taken = Occupancy(250.0)
    points: list[Double] = []
    radius: list[float] = []
    owner: list[int] = []
    count = 0
    for (thin, thick), density in _CALIBRES:
        for _ in range(max(4, int(density * volume_um3))):
            calibre = float(rng.uniform(thin, thick))
            start = rng.uniform(low, high)
            if not taken.is_free(start, 0.95 * calibre):
                continue
            chain = _chain(rng, start, calibre, taken, low, high)
            for point in chain:
                taken.add(point, calibre)
            points += chain
            radius += [calibre] * len(chain)
            owner += [count] * len(chain)
            count += 1
    grey = 188.0 + 7.0 * rng.normal(size=count) - 18.0 * (rng.random(count) < 0.12)
    lamella = np.where(rng.random(count) < 0.02, rng.uniform(40.0, 85.0, count), 0.0)
    return Cells(
        seed=seed,
        points_nm=np.array(points),
        radius_nm=np.array(radius),
        owner=np.array(owner, np.int64),
        grey=np.clip(grey, 130.0, 200.0).astype(np.float32),
        granules=rng.gamma(5.0, 0.2, count).clip(0.35, 2.0).astype(np.float32),
        lamella_nm=lamella.astype(np.float32),
    )
