"""Clathrin-coated pits and vesicles, and caveolae: bodies of revolution that hang from a membrane.

Sizes from Gallusser et al. 2022: open pits have a neck wider than 40 nm and are about 50 nm deep, late ones a neck of
10-40 nm and a depth of 100-130 nm; caveolae are 61 nm deep and 81 nm wide and have no coat.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from attrs import frozen

from asem_dataset_simulated.cell.surface import Surface, smooth_minimum
from asem_dataset_simulated.noise import Double, Float
from asem_dataset_simulated.placement import thinned

BILAYER_NM = 8.0
COAT_NM = 17.0
_FLARE_NM = 10.0
_APART_NM = 330.0
# Per um^2 of plasma membrane: open pits, late pits, caveolae.
_DENSITY = (0.35, 0.35, 0.35)


class Stage(Enum):
    """What a pit or a vesicle is."""

    OPEN = "open pit"
    LATE = "late pit"
    CAVEOLA = "caveola"
    ENDOCYTIC = "endocytic vesicle"
    SECRETORY = "secretory vesicle"


@frozen(eq=False)
class Pit:
    """An invagination of the plasma membrane, or a coated vesicle.

    Attributes
    ----------
    label : int
        In the label image ``ccp``; 0 for a caveola, which is none.
    centre_nm, normal : float64 (3,)
        Where its axis meets the plane of the membrane, and the way out of the cell. Of a vesicle: its centre.
    lateral_nm, axial_nm : float
        Semi-axes of the bulb's lumen.
    depth_nm : float
        Of the middle of the bulb below the plane; 0 for a vesicle.
    neck_radius_nm : float
        Of the lumen of the neck; 0 where the bulb is open.
    """

    label: int
    stage: Stage
    centre_nm: Double
    normal: Double
    lateral_nm: float
    axial_nm: float
    depth_nm: float = 0.0
    neck_radius_nm: float = 0.0

    @property
    def coated(self) -> bool:
        """Whether clathrin covers it."""
        return self.stage is not Stage.CAVEOLA

    @property
    def vesicle(self) -> bool:
        """Whether it is closed."""
        return self.stage in (Stage.ENDOCYTIC, Stage.SECRETORY)

    @property
    def reach_nm(self) -> float:
        """Radius round ``centre_nm`` within which it changes anything."""
        return self.depth_nm + max(self.lateral_nm, self.axial_nm) + 60.0

    def lumen(self, across: Float, depth: Float) -> Float:
        """Distance to its lumen, nm, negative inside, from the distance to the axis and the depth below the plane."""
        a, b = np.float32(self.lateral_nm), np.float32(self.axial_nm)
        below = depth - np.float32(self.depth_nm)
        norm = np.sqrt((across / a) ** 2 + (below / b) ** 2)
        slope = np.sqrt((across / (a * a)) ** 2 + (below / (b * b)) ** 2)
        bulb: Float = norm * (norm - 1) / np.maximum(slope, 1e-6)
        if not self.neck_radius_nm:
            return bulb
        neck = np.maximum(across - np.float32(self.neck_radius_nm), np.maximum(below, -40 - depth))
        return smooth_minimum(bulb, neck, 6.0)

    def measures(self) -> dict[str, float]:
        """The sizes a microscopist measures on a section through the axis, nm.

        ``neck``: least width of the lumen between the plane of the membrane and the widest place below it; ``height``:
        from the plane to the deepest place of the lumen; ``width``: at half the height; ``major`` and ``minor``: axes
        of the ellipse half way through membrane and coat. A vesicle has axes only.
        """
        mid = (BILAYER_NM + (COAT_NM if self.coated else 0.0)) / 2
        axes = sorted((2 * (self.axial_nm + mid), 2 * (self.lateral_nm + mid)))
        sizes = {"major": axes[1], "minor": axes[0]}
        if self.vesicle:
            return sizes
        step = 0.5
        depth = np.arange(0, self.depth_nm + self.axial_nm + 5, step, dtype=np.float32)[:, None]
        across = np.arange(0, self.lateral_nm + 60, step, dtype=np.float32)[None, :]
        open_ = with_membrane(self.lumen(across, depth), depth) < 0
        height = float(depth[open_[:, 0]].max())
        width = 2 * step * open_.sum(axis=1)
        below_rim = int(_FLARE_NM / step)
        widest = int(width[below_rim : int(height / step)].argmax()) + below_rim
        return {
            "neck": float(width[: widest + 1].min()),
            "height": height,
            "width": float(width[int(height / 2 / step)]),
            **sizes,
        }


def with_membrane(lumen: Float, outside: Float) -> Float:
    """Distance to all that is not cell: the lumen of a pit and the ``outside``, with a flared rim."""
    return smooth_minimum(lumen, outside, _FLARE_NM)


def place_pits(membrane: Surface, rng: np.random.Generator) -> tuple[Pit, ...]:
    """Pits and caveolae on the plasma membrane, 330 nm apart, and as many endocytic vesicles under it as late pits."""
    stages = [
        stage
        for stage, density in zip((Stage.OPEN, Stage.LATE, Stage.CAVEOLA), _DENSITY, strict=True)
        for _ in range(int(rng.poisson(density * membrane.area_um2)))
    ]
    stages += [Stage.ENDOCYTIC] * sum(stage is Stage.LATE for stage in stages)
    stages = [stages[i] for i in rng.permutation(len(stages))]
    points = membrane.scatter(len(stages), rng) if stages else np.zeros((0, 3))
    normals = membrane.normal(points) if len(points) else points
    pits: list[Pit] = []
    for index in np.flatnonzero(thinned(points, _APART_NM)):
        label = 1 + sum(pit.coated for pit in pits) if stages[index] is not Stage.CAVEOLA else 0
        pits.append(_shape(stages[index], label, points[index], normals[index], rng))
    return tuple(pits)


def _shape(stage: Stage, label: int, point: Double, normal: Double, rng: np.random.Generator) -> Pit:
    if stage is Stage.OPEN:
        height, lateral = rng.uniform(38, 66), rng.uniform(38, 52)
        axial = rng.uniform(0.8, 1.1) * lateral
        return Pit(label, stage, point, normal, lateral, axial, depth_nm=height - axial)
    if stage is Stage.LATE:
        height, lateral = rng.uniform(98, 132), rng.uniform(33, 45)
        axial = min(rng.uniform(1.0, 1.25) * lateral, 0.44 * height)
        return Pit(label, stage, point, normal, lateral, axial, height - axial, neck_radius_nm=rng.uniform(4, 13))
    if stage is Stage.CAVEOLA:
        height, width = rng.normal(61, 5), rng.normal(81, 7)
        axial = 0.54 * height
        return Pit(label, stage, point, normal, width / 2, axial, height - axial)
    return coated_vesicle(stage, label, point - rng.uniform(110, 380) * normal, rng)


def coated_vesicle(stage: Stage, label: int, centre: Double, rng: np.random.Generator) -> Pit:
    """A vesicle with a clathrin coat; those of the TGN are smaller."""
    radius = rng.uniform(20, 28) if stage is Stage.SECRETORY else rng.uniform(26, 40)
    return Pit(label, stage, centre, np.array([1.0, 0.0, 0.0]), radius * rng.uniform(1.0, 1.12), radius)
