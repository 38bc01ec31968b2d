"""What floats in the cytosol: mitochondria, lysosomes, endosomes, lipid droplets, vesicles, microtubules.

Mitochondria are 0.2-0.6 um wide (0.5-1 um in many cultured cells, less in others) and fill 4-9 % of the cytosol
(Posakony et al. 1977, J Cell Biol 74:468: 10 % in HeLa); microtubules are 25 nm wide.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from asem_dataset_simulated.cell.space import Cytosol
from asem_dataset_simulated.cell.style import Style
from asem_dataset_simulated.noise import Double
from asem_dataset_simulated.objects import Blob, Kind, Tube
from asem_dataset_simulated.occupancy import Occupancy
from asem_dataset_simulated.placement import Inside, fill_with_mitochondria, fits, rotation, unit, walk

# Blobs tried per um^3: kind, number, semi-axis range in nm, greatest elongation.
_LARGE: tuple[tuple[Kind, float, tuple[float, float], float], ...] = (
    (Kind.LYSOSOME, 0.5, (110.0, 280.0), 1.5),
    (Kind.MULTIVESICULAR, 0.35, (120.0, 240.0), 1.3),
    (Kind.ENDOSOME, 0.8, (70.0, 170.0), 2.2),
    (Kind.LIPID, 0.22, (120.0, 330.0), 1.08),
)
_VESICLES_PER_UM3 = 5.0
_MICROTUBULES_PER_UM3 = 2.0
_MITO_SHARE = (0.05, 0.10)


def place_mitochondria(space: Cytosol, taken: Occupancy, style: Style, rng: np.random.Generator) -> tuple[Tube, ...]:
    """Mitochondria, labelled 1..n, until they fill a share of the cytosol drawn from 5-10 %."""
    probes = space.draw(8000, rng)
    share = rng.uniform(*_MITO_SHARE)
    seedlings = space.draw(3000, rng, room_nm=130.0)

    def inside(rng: np.random.Generator) -> Inside:
        return Inside(
            grey=float(rng.normal(style.matrix, 8.0)),
            crista_spacing_nm=float(rng.uniform(45.0, 80.0)),
            crista_grey=float(style.crista * rng.uniform(0.8, 1.2)),
        )

    return fill_with_mitochondria(space, seedlings, probes, share, taken, rng, inside)


def place_large(space: Cytosol, taken: Occupancy, style: Style, rng: np.random.Generator) -> tuple[Blob, ...]:
    """Lysosomes, multivesicular bodies, endosomes and lipid droplets, where they fit."""
    blobs: list[Blob] = []
    for kind, density, size, stretch in _LARGE:
        greys = {Kind.LYSOSOME: style.lysosome, Kind.LIPID: style.lipid}.get(
            kind, (style.er_lumen - 25, style.er_lumen + 5)
        )
        count = int(rng.poisson(style.crowding * density * space.volume_um3))
        for centre in space.draw(count, rng, room_nm=size[0]):
            axes = rng.uniform(*size) * np.array([1.0, rng.uniform(1.0, stretch), rng.uniform(1.0, stretch)])
            blob = Blob(kind, centre, axes, rotation(rng), grey=float(rng.uniform(*greys)), label=len(blobs) + 1)
            if fits(space, blob, taken):
                blobs.append(blob)
    return tuple(blobs)


def place_vesicles(space: Cytosol, taken: Occupancy, style: Style, rng: np.random.Generator) -> tuple[Blob, ...]:
    """Single uncoated vesicles, 45-70 nm wide (those of COPI and COPII are 50-60 nm)."""
    blobs: list[Blob] = []
    count = int(rng.poisson(style.crowding * _VESICLES_PER_UM3 * space.volume_um3))
    for centre in space.draw(count, rng, room_nm=45.0):
        axes = rng.uniform(22, 35) * np.array([1.0, rng.uniform(1.0, 1.3), 1.0])
        blob = Blob(Kind.VESICLE, centre, axes, rotation(rng), grey=0.0)
        if fits(space, blob, taken):
            blobs.append(blob)
    return tuple(blobs)


def place_microtubules(space: Cytosol, taken: Occupancy, style: Style, rng: np.random.Generator) -> tuple[Tube, ...]:
    """Microtubules, nearly straight, one to several um long."""
    tubes: list[Tube] = []
    count = int(rng.poisson(style.crowding * _MICROTUBULES_PER_UM3 * space.volume_um3))
    for start in space.draw(count, rng, room_nm=40.0):
        path = [start, *walk(space, 0, start, unit(rng), 12.5, rng.uniform(800, 3000), rng, taken, stiffness=0.05)]
        if len(path) < 4:
            continue
        edges = np.array(list(pairwise(range(len(path)))), np.int64)
        tubes.append(Tube(Kind.MICROTUBULE, np.array(path), np.full(len(path), 12.5), edges, cell=0, grey=0.0))
    return tuple(tubes)


def take_network(skeleton: Double, taken: Occupancy, radius: float) -> None:
    """Keep single vesicles and microtubules out of the ER: points (N, 3) of its skeleton, nm."""
    for point in skeleton:
        taken.add(point, radius)
