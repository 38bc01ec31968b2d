"""`make_scene`: the order in which the parts of a scene are drawn, and how many of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asem_core.errors import GeometryError
from asem_dataset_simulated.grid import check_geometry
from asem_dataset_simulated.noise import Double
from asem_dataset_simulated.objects import Blob, Kind, Tube
from asem_dataset_simulated.occupancy import Occupancy
from asem_dataset_simulated.placement import Inside, fill_with_mitochondria, fits, place_tubules, rotation
from asem_dataset_simulated.tissue.partition import Cells, make_cells
from asem_dataset_simulated.tissue.scene import Density, Scene, draw_look

_MARGIN_NM = 450.0
_OBJECT_MARGIN_NM = 120.0
# Blobs tried per um^3: kind, number, semi-axis range in nm, greatest elongation, grey range of the inside.
Recipe = tuple[Kind, float, tuple[float, float], float, tuple[float, float]]
_LARGE: tuple[Recipe, ...] = (
    (Kind.LYSOSOME, 90.0, (75.0, 180.0), 1.5, (72.0, 112.0)),
    (Kind.MULTIVESICULAR, 30.0, (90.0, 200.0), 1.3, (140.0, 175.0)),
    (Kind.ENDOSOME, 60.0, (60.0, 150.0), 2.0, (95.0, 200.0)),
    (Kind.LIPID, 10.0, (80.0, 170.0), 1.1, (95.0, 150.0)),
)
_SMALL: tuple[Recipe, ...] = (
    (Kind.ER_SHEET, 50.0, (16.0, 26.0), 9.0, (120.0, 170.0)),
    (Kind.DENSE_VESICLE, 15.0, (28.0, 50.0), 1.1, (70.0, 100.0)),
    (Kind.VESICLE, 60.0, (18.0, 45.0), 1.6, (120.0, 190.0)),
)


def _draw_blob(rng: np.random.Generator, kind: Kind, centre: Double, size: float, stretch: float, grey: float) -> Blob:
    axes = size * np.array([1.0, rng.uniform(1.0, stretch), rng.uniform(1.0, stretch)])
    return Blob(kind=kind, centre_nm=centre, axes_nm=axes, rotation=rotation(rng), grey=grey)


def _scatter(
    cells: Cells, low: Double, high: Double, taken: Occupancy, rng: np.random.Generator, recipes: tuple[Recipe, ...]
) -> list[Blob]:
    """Single organelles anywhere they fit, the big ones first."""
    volume_um3 = float(np.prod(high - low)) * 1e-9
    blobs: list[Blob] = []
    for kind, density, size, stretch, grey in recipes:
        count = int(rng.poisson(density * volume_um3))
        centres, sizes = rng.uniform(low, high, (count, 3)), rng.uniform(*size, count)
        for index in np.flatnonzero(cells.locate(centres)[1] > sizes) if count else ():
            blob = _draw_blob(rng, kind, centres[index], float(sizes[index]), stretch, rng.uniform(*grey))
            if fits(cells, blob, taken):
                blobs.append(blob)
    return blobs


def _pool(cells: Cells, centre: Double, taken: Occupancy, rng: np.random.Generator) -> list[Blob]:
    """A pool of synaptic vesicles, of the typical width of 35-50 nm, round `centre`."""
    cell = cells.locate(centre[None])[0][0]
    count = int(rng.integers(60, 400))
    points = centre + rng.normal(size=(count * 10, 3)) * rng.uniform(70.0, 145.0)
    radius = rng.uniform(17.0, 25.0)
    owner, clearance = cells.locate(points)
    blobs: list[Blob] = []
    for point in points[(owner == cell) & (clearance > radius + 16)]:
        if len(blobs) < count and taken.is_free(point, radius + 1):
            taken.add(point, radius)
            axes = np.full(3, radius * rng.uniform(0.9, 1.1))
            blobs.append(
                Blob(kind=Kind.VESICLE, centre_nm=point, axes_nm=axes, rotation=np.eye(3), grey=rng.uniform(150, 185))
            )
    return blobs


def _synapses(
    cells: Cells, low: Double, high: Double, taken: Occupancy, rng: np.random.Generator
) -> tuple[list[Density], list[Blob]]:
    """Dark patches where two cells touch, each with a pool of vesicles on the other side; about 1.5 per um^3."""
    count = 1 + int(rng.poisson(1.5 * float(np.prod(high - low)) * 1e-9))
    points = rng.uniform(low, high, (count * 60, 3))
    owner, clearance = cells.locate(points)
    densities: list[Density] = []
    blobs: list[Blob] = []
    for index in np.flatnonzero(clearance < 12.0)[:count]:
        radius = float(rng.uniform(90.0, 230.0))
        densities.append(
            Density(
                centre_nm=points[index],
                radius_nm=radius,
                depth_nm=float(rng.uniform(22, 45)),
                cell=int(owner[index]),
                strength=float(rng.uniform(0.6, 0.95)),
            )
        )
        around = points[index] + rng.normal(size=(60, 3)) * 120.0
        other, room = cells.locate(around)
        inside = np.flatnonzero((other != owner[index]) & (room > 50.0))
        if len(inside):
            blobs += _pool(cells, around[inside[0]], taken, rng)
    return densities, blobs


def _boutons(cells: Cells, low: Double, high: Double, taken: Occupancy, rng: np.random.Generator) -> list[Blob]:
    """Vesicle pools away from any synapse; about 1 per um^3."""
    count = int(rng.poisson(1.0 * float(np.prod(high - low)) * 1e-9))
    centres = rng.uniform(low, high, (count, 3))
    roomy = cells.locate(centres)[1] > 60.0
    return [blob for centre in centres[roomy] for blob in _pool(cells, centre, taken, rng)]


def _place_mitochondria(cells: Cells, extent: Double, taken: Occupancy, rng: np.random.Generator) -> tuple[Tube, ...]:
    """Mitochondria until they fill a share of the volume drawn from 5.5-8.5 %; each has its axis in the volume.

    Radii of 100-300 nm and lengths of 0.5-4.5 um are typical of neuropil and of cultured cells.
    """
    probes = rng.uniform(0, 1, (6000, 3)) * extent
    share = rng.uniform(0.055, 0.085)
    clearance = cells.locate(probes)[1]
    order = rng.permutation(np.flatnonzero(clearance > np.minimum(120.0, np.quantile(clearance, 0.9))))

    def inside(rng: np.random.Generator) -> Inside:
        return Inside(
            grey=float(rng.normal(117.0, 10.0)),
            crista_spacing_nm=float(rng.uniform(40.0, 65.0)),
            crista_grey=float(rng.uniform(30.0, 60.0)),
        )

    return fill_with_mitochondria(cells, probes[order[:1500]], probes, share, taken, rng, inside)


def make_scene(shape: Sequence[int], *, voxel_size_nm: Sequence[float], seed: int) -> Scene:
    """Draw a piece of tissue.

    Parameters
    ----------
    shape : three ints
        Voxels along z, y and x; every side at least 160 nm long.
    voxel_size_nm : three floats
        Voxel size along z, y and x, 3 to 16 nm each.
    seed : int
        A non-negative number; the same seed (with the same shape and voxel size) gives the same scene.

    Returns
    -------
    Scene
        Mitochondria are labelled 1..n, and each has a part of its axis inside the volume.

    Raises
    ------
    GeometryError
        Where shape, voxel size or seed cannot be used.

    Examples
    --------
    >>> scene = make_scene((32, 32, 32), voxel_size_nm=(10, 10, 10), seed=1)
    >>> scene.shape
    (32, 32, 32)
    """
    triple, size = check_geometry(shape, voxel_size_nm)
    if int(seed) != seed or seed < 0:
        raise GeometryError(f"seed: expected an integer of at least 0, got {seed!r}")
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(int(seed)).spawn(7)]
    extent = np.array(triple) * np.array(size)
    cells = make_cells(extent, _MARGIN_NM, int(seed), streams[0])
    taken = Occupancy(150.0)
    low, high = np.full(3, -_OBJECT_MARGIN_NM), extent + _OBJECT_MARGIN_NM
    volume_um3 = float(np.prod(high - low)) * 1e-9
    tubes = [*_place_mitochondria(cells, extent, taken, streams[1])]
    blobs = _scatter(cells, low, high, taken, streams[4], _LARGE)
    densities, pools = _synapses(cells, low, high, taken, streams[2])
    blobs += pools
    tubes += place_tubules(cells, low, high, taken, streams[3], int(18 * volume_um3), Kind.ER_TUBULE, (20.0, 34.0))
    blobs += _boutons(cells, low, high, taken, streams[5])
    blobs += _scatter(cells, low, high, taken, streams[4], _SMALL)
    tubes += place_tubules(cells, low, high, taken, streams[3], int(25 * volume_um3), Kind.MICROTUBULE, (12.0, 13.0))
    return Scene(
        shape=triple,
        voxel_size_nm=size,
        seed=int(seed),
        cells=cells,
        tubes=tuple(tubes),
        blobs=tuple(blobs),
        densities=tuple(densities),
        look=draw_look(streams[6]),
    )
