"""The Golgi apparatus: stacks of fenestrated cisternae beside the nucleus, with vesicles and a trans-Golgi network.

A stack has 3-6 cisternae 0.7-1.6 um wide, 35-45 nm from one to the next, with swollen rims (Rambourg and Clermont 1997;
Ladinsky et al. 1999, J Cell Biol 144:1135); the vesicles round it are 50-60 nm wide.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen

from asem_dataset_simulated.cell.mesh import Mesh
from asem_dataset_simulated.cell.pits import Pit, Stage, coated_vesicle
from asem_dataset_simulated.cell.space import Cytosol
from asem_dataset_simulated.cell.surface import Surface
from asem_dataset_simulated.noise import Double
from asem_dataset_simulated.objects import Blob, Kind
from asem_dataset_simulated.occupancy import Occupancy
from asem_dataset_simulated.placement import unit

_HALF_NM = 11.0


@frozen(eq=False)
class Cisterna:
    """One disc: its height in the stack, radius and half thickness in nm, and the angle that shapes its noise."""

    height_nm: float
    radius_nm: float
    half_nm: float
    angle: float


@frozen(eq=False)
class Stack:
    """One Golgi stack.

    Attributes
    ----------
    centre_nm : float64 (3,)
    frame : float64 (3, 3)
        Rows: two directions in the plane of the cisternae, and from cis to trans.
    bend : float
        Curvature of the cisternae, 1/nm.
    """

    label: int
    centre_nm: Double
    frame: Double
    bend: float
    cisternae: tuple[Cisterna, ...]
    network: Mesh

    @property
    def reach_nm(self) -> float:
        """Radius round the centre that holds all cisternae."""
        return max(float(np.hypot(c.radius_nm * 1.2 + 40, abs(c.height_nm) + 150)) for c in self.cisternae)


@frozen(eq=False)
class Apparatus:
    """All stacks of a cell, the vesicles round them and the coated buds of the trans-Golgi network."""

    stacks: tuple[Stack, ...]
    vesicles: tuple[Blob, ...]
    buds: tuple[Pit, ...]


def make_golgi(
    space: Cytosol, nucleus: Surface, taken: Occupancy, *, first_bud: int, rng: np.random.Generator
) -> Apparatus:
    """Draw a ribbon of stacks on one side of the nucleus; buds are labelled from ``first_bud`` on."""
    wanted = int(np.clip(round(rng.normal(0.06, 0.012) * space.volume_um3), 2, 14))
    stacks: list[Stack] = []
    vesicles: list[Blob] = []
    buds: list[Pit] = []
    pole = nucleus.project(nucleus.centre_nm + unit(rng)[None] * nucleus.axes_nm)[0]
    spots = space.draw(6000, rng, room_nm=230.0)
    order = np.argsort(np.linalg.norm(spots - pole, axis=1) + 400.0 * rng.random(len(spots)))
    for spot in spots[order]:
        if len(stacks) == wanted:
            break
        stack = _stack(len(stacks) + 1, spot, nucleus, rng)
        if space.locate(_rim(stack))[1].min() < 40 or not all(taken.is_free(p, 100) for p in _rim(stack)):
            continue
        for point in _rim(stack):
            taken.add(point, 170.0)
        stacks.append(stack)
        vesicles += _cloud(stack, space, taken, rng)
        buds += _buds(stack, first_bud + len(buds), rng)
    return Apparatus(stacks=tuple(stacks), vesicles=tuple(vesicles), buds=tuple(buds))


def _stack(label: int, centre: Double, nucleus: Surface, rng: np.random.Generator) -> Stack:
    axis = nucleus.normal(centre[None])[0] + 0.45 * rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    side = np.cross(axis, unit(rng))
    side /= np.linalg.norm(side)
    frame = np.array([side, np.cross(axis, side), axis])
    count = int(rng.integers(3, 7))
    period = rng.uniform(38, 46)
    widest = rng.uniform(330, 760)
    cisternae = tuple(
        Cisterna(
            height_nm=(number - (count - 1) / 2) * period,
            radius_nm=widest * rng.uniform(0.8, 1.0) * (1.0 - 0.12 * abs(number - (count - 1) / 2)),
            half_nm=_HALF_NM + (6.0 if number == count - 1 else 0.0) + rng.uniform(-1, 1.5),
            angle=2.4 * number,
        )
        for number in range(count)
    )
    bend = rng.uniform(0.1, 0.5) / 1000.0
    network = _network(centre, frame, cisternae[-1], rng)
    return Stack(label=label, centre_nm=centre, frame=frame, bend=bend, cisternae=cisternae, network=network)


def _network(centre: Double, frame: Double, last: Cisterna, rng: np.random.Generator) -> Mesh:
    """Short bent tubules that leave the trans-most cisterna."""
    pieces, radii = [], []
    for _ in range(int(rng.integers(4, 9))):
        angle, reach = rng.uniform(0, 2 * np.pi), last.radius_nm * np.sqrt(rng.uniform(0.05, 0.8))
        here = np.array([reach * np.cos(angle), reach * np.sin(angle), last.height_nm + 8])
        heading = np.array([np.cos(angle), np.sin(angle), 0.7]) + 0.4 * rng.normal(size=3)
        radius = rng.uniform(20, 32)
        for _ in range(int(rng.integers(2, 5))):
            heading = heading / np.linalg.norm(heading) + 0.45 * rng.normal(size=3)
            heading[2] = max(heading[2], -0.1)
            there = here + 75 * heading / np.linalg.norm(heading)
            pieces.append(centre + np.array([here, there]) @ frame)
            radii.append([radius, radius * rng.uniform(0.8, 1.15)])
            here = there
    return Mesh(np.array(pieces), np.array(radii), np.zeros((0, 3, 3)), np.zeros(0))


def _rim(stack: Stack) -> Double:
    """Points (N, 3) spread over the stack."""
    radius = max(cisterna.radius_nm for cisterna in stack.cisternae)
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    rings = [np.column_stack([r * np.cos(angles), r * np.sin(angles), 0 * angles]) for r in (radius * 0.5, radius)]
    local = np.concatenate([np.zeros((1, 3)), *rings])
    local[:, 2] += stack.bend * (local[:, :2] ** 2).sum(axis=1)
    points: Double = stack.centre_nm + local @ stack.frame
    return points


def _cloud(stack: Stack, space: Cytosol, taken: Occupancy, rng: np.random.Generator) -> list[Blob]:
    """Uncoated vesicles of COPI and COPII size round the rims and on the cis side."""
    blobs: list[Blob] = []
    rim = _rim(stack)
    for _ in range(int(rng.integers(80, 220))):
        point = rim[rng.integers(len(rim))] + rng.normal(size=3) * 150.0
        radius = rng.uniform(24, 31)
        offset = (point - stack.centre_nm) @ stack.frame.T
        inside = np.hypot(offset[0], offset[1]) < 1.1 * stack.cisternae[0].radius_nm
        if inside and abs(offset[2] - stack.bend * (offset[:2] ** 2).sum()) < 45 + 22 * len(stack.cisternae):
            continue
        if space.locate(point[None])[1][0] > radius + 15:
            blobs.append(Blob(Kind.VESICLE, point, np.full(3, radius), np.eye(3), grey=0.0))
    return blobs


def _buds(stack: Stack, first: int, rng: np.random.Generator) -> list[Pit]:
    """Coated buds at free ends of the network."""
    ends = stack.network.segments[:, 1]
    starts = {tuple(np.round(point, 3)) for point in stack.network.segments[:, 0]}
    free = [end for end in ends if tuple(np.round(end, 3)) not in starts]
    chosen = [end for end in free if rng.random() < 0.5]
    return [coated_vesicle(Stage.SECRETORY, first + number, end, rng) for number, end in enumerate(chosen)]
