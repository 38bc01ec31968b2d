"""Where organelles go: mitochondria first, then the rest, all inside their cells and clear of one another."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy.spatial import cKDTree  # type: ignore[import-untyped,unused-ignore]

from asem_dataset_simulated.noise import Double, Index
from asem_dataset_simulated.objects import Blob, Kind, Tube
from asem_dataset_simulated.occupancy import Occupancy

_STEP_NM = 60.0
_MEMBRANE_NM = 22.0  # room kept between an organelle and the middle of the extracellular cleft


class Room(Protocol):
    """Where organelles may go."""

    def locate(self, points_nm: Double) -> tuple[Index, Double]:
        """Cell (N,) of each point (N, 3), and the distance (N,) in nm to the nearest membrane of that cell."""


def unit(rng: np.random.Generator) -> Double:
    """A random direction (3,)."""
    direction = rng.normal(size=3)
    result: Double = direction / np.linalg.norm(direction)
    return result


def rotation(rng: np.random.Generator) -> Double:
    """A random orthonormal frame (3, 3), rows its axes."""
    frame: Double = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return frame


def walk(
    cells: Room,
    cell: int,
    start: Double,
    heading: Double,
    radius: float,
    length: float,
    rng: np.random.Generator,
    taken: Occupancy,
    stiffness: float = 0.22,
) -> list[Double]:
    """Axis points after `start`, `_STEP_NM` apart, through the roomiest part of the cell, while the tube fits."""
    path: list[Double] = []
    here = start
    for _ in range(int(length / _STEP_NM)):
        tries = heading + stiffness * rng.normal(size=(8, 3))
        tries /= np.linalg.norm(tries, axis=1, keepdims=True)
        points = here + _STEP_NM * tries
        owner, clearance = cells.locate(points)
        score = np.where(owner == cell, np.minimum(clearance, 2 * radius), -1.0) + 30.0 * (tries @ heading)
        best = int(score.argmax())
        older = path[: max(0, len(path) - int(3 * radius / _STEP_NM))]
        if older and np.linalg.norm(np.array(older) - points[best], axis=1).min() < 2.3 * radius:
            break
        if (
            owner[best] != cell
            or clearance[best] < radius + _MEMBRANE_NM
            or not taken.is_free(points[best], radius + 25)
        ):
            break
        heading, here = tries[best], points[best]
        path.append(here)
    return path


def _tree(
    trunk: list[Double], branch: list[Double], fork: int, radius: float, rng: np.random.Generator
) -> tuple[Double, Double]:
    """Nodes (N, 3) and gently varying radii (N,) of a trunk with a branch that leaves it at index `fork`."""
    nodes = np.array(trunk + branch)
    phase, wave = rng.uniform(0, 2 * np.pi), rng.uniform(400.0, 900.0)
    along = np.arange(len(trunk)) * _STEP_NM
    width = radius * (0.92 + 0.08 * np.sin(2 * np.pi * along / wave + phase))
    return nodes, np.concatenate([width, np.full(len(branch), width[fork] * 0.9)])


def _grow_mitochondrion(
    cells: Room, seedling: Double, taken: Occupancy, rng: np.random.Generator
) -> tuple[Double, Double, list[tuple[int, int]]] | None:
    """Axis, radii and edges of one mitochondrion through `seedling` (3,), or None where it does not fit."""
    owner, clearance = cells.locate(seedling[None])
    room = float(clearance[0]) - _MEMBRANE_NM
    radius = min(room, float(rng.choice([rng.uniform(110, 190), rng.uniform(170, 300)], p=[0.75, 0.25])))
    if radius < 95.0 or not taken.is_free(seedling, radius + 25):
        return None
    cell = int(owner[0])
    length = float(np.clip(rng.lognormal(np.log(1500.0), 0.6), 500.0, 4500.0))
    heading = unit(rng)
    ahead = walk(cells, cell, seedling, heading, radius, length / 2, rng, taken)
    behind = walk(cells, cell, seedling, -heading, radius, length / 2, rng, taken)
    trunk = [*behind[::-1], seedling, *ahead]
    if len(trunk) * _STEP_NM + 2 * radius < 450.0:
        return None
    fork = len(trunk) // 2
    branch: list[Double] = []
    if rng.random() < 0.2:
        branch = walk(cells, cell, trunk[fork], unit(rng), radius * 0.9, length / 3, rng, taken)
    nodes, width = _tree(trunk, branch, fork, radius, rng)
    edges = [(i, i + 1) for i in range(len(trunk) - 1)]
    chain = [fork, *range(len(trunk), len(nodes))]
    return nodes, width, edges + list(pairwise(chain))


def thinned(points_nm: Double, apart_nm: float) -> NDArray[np.bool_]:
    """Which of the points (N, 3) to keep so that no two are nearer than ``apart_nm``: the first of each pair."""
    alive = np.ones(len(points_nm), bool)
    for first, second in sorted(cKDTree(points_nm).query_pairs(apart_nm)) if len(points_nm) else ():
        alive[second] &= not alive[first]
    return alive


@frozen
class Inside:
    """What a mitochondrion looks like inside: grey of the matrix, distance of its cristae, how much darker they are."""

    grey: float
    crista_spacing_nm: float
    crista_grey: float


def fill_with_mitochondria(
    cells: Room,
    seedlings: Double,
    probes: Double,
    share: float,
    taken: Occupancy,
    rng: np.random.Generator,
    inside: Callable[[np.random.Generator], Inside],
) -> tuple[Tube, ...]:
    """Mitochondria, labelled 1..n, through one seedling after the other, until they hold ``share`` of the probes."""
    filled = np.zeros(len(probes), bool)
    tubes: list[Tube] = []
    for seedling in seedlings:
        if filled.mean() >= share:
            break
        grown = _grow_mitochondrion(cells, seedling, taken, rng)
        if grown is None:
            continue
        nodes, width, edges = grown
        for node, radius in zip(nodes, width, strict=True):
            taken.add(node, float(radius) + 15)
            filled |= ((probes - node) ** 2).sum(axis=1) < radius**2
        look = inside(rng)
        tubes.append(
            Tube(
                kind=Kind.MITOCHONDRION,
                nodes_nm=nodes,
                radius_nm=width,
                edges=np.array(edges, np.int64).reshape(-1, 2),
                cell=int(cells.locate(seedling[None])[0][0]),
                grey=look.grey,
                label=len(tubes) + 1,
                crista_spacing_nm=look.crista_spacing_nm,
                crista_grey=look.crista_grey,
                crista_axis=unit(rng),
            )
        )
    return tuple(tubes)


def place_tubules(
    cells: Room,
    low: Double,
    high: Double,
    taken: Occupancy,
    rng: np.random.Generator,
    count: int,
    kind: Kind,
    radius_nm: tuple[float, float],
) -> list[Tube]:
    """ER tubules (typically 40-70 nm wide) or microtubules (25 nm wide)."""
    tubes: list[Tube] = []
    starts = rng.uniform(low, high, (count, 3))
    owner, clearance = cells.locate(starts)
    straight = 0.08 if kind is Kind.MICROTUBULE else 0.5
    for start, cell, room in zip(starts, owner, clearance, strict=True):
        radius = float(rng.uniform(*radius_nm))
        if room < radius + _MEMBRANE_NM or not taken.is_free(start, radius + 8):
            continue
        path = [start, *walk(cells, int(cell), start, unit(rng), radius, rng.uniform(200, 1500), rng, taken, straight)]
        if len(path) < 3:
            continue
        for here, there in pairwise(path):
            for t in (0.0, 0.33, 0.66, 1.0):
                taken.add(here + t * (there - here), radius + 4)
        edges = np.column_stack([np.arange(len(path) - 1), np.arange(1, len(path))]).astype(np.int64)
        tubes.append(
            Tube(
                kind=kind,
                nodes_nm=np.array(path),
                radius_nm=np.full(len(path), radius),
                edges=edges,
                cell=int(cell),
                grey=float(rng.uniform(120, 165)),
            )
        )
    return tubes


def fits(cells: Room, blob: Blob, taken: Occupancy) -> bool:
    """True where the ellipsoid lies in one cell, off its membrane, and on nothing else; it is then taken."""
    reach = np.linspace(-1.0, 1.0, 5)
    thin = float(blob.axes_nm.min())
    grid = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), -1).reshape(-1, 3)
    room = np.maximum(blob.axes_nm - thin, 0.0)
    spheres = (
        np.unique(np.round(grid[(grid**2).sum(axis=1) <= 1.01] * room, 1), axis=0) @ blob.rotation + blob.centre_nm
    )
    if not all(taken.is_free(sphere, thin + 6) for sphere in spheres):
        return False
    owner, clearance = cells.locate(spheres)
    if np.any(owner != owner[0]) or clearance.min() < thin + _MEMBRANE_NM - 6:
        return False
    for sphere in spheres:
        taken.add(sphere, thin)
    return True
