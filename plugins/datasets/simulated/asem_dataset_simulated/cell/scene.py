"""Everything there is in a simulated cell, in nm, and how one is drawn from a seed."""

from __future__ import annotations

import numpy as np
from attrs import field, frozen, validators

from asem_core.errors import GeometryError
from asem_dataset_simulated.cell.cytoplasm import (
    place_large,
    place_microtubules,
    place_mitochondria,
    place_vesicles,
    take_network,
)
from asem_dataset_simulated.cell.er import Reticulum, make_er
from asem_dataset_simulated.cell.golgi import Apparatus, make_golgi
from asem_dataset_simulated.cell.mesh import Mesh
from asem_dataset_simulated.cell.pits import Pit, place_pits
from asem_dataset_simulated.cell.pores import Diameters, Pore, place_pores
from asem_dataset_simulated.cell.space import Cytosol, make_cytosol
from asem_dataset_simulated.cell.stain import draw_look, draw_style
from asem_dataset_simulated.cell.style import STYLES, Fixation, Style
from asem_dataset_simulated.cell.surface import Surface
from asem_dataset_simulated.microscope import Look
from asem_dataset_simulated.noise import Double
from asem_dataset_simulated.objects import Blob, Kind, Tube
from asem_dataset_simulated.occupancy import Occupancy
from asem_dataset_simulated.placement import rotation

SMALLEST_UM, LARGEST_UM = 2.5, 30.0
_AROUND_NM = 900.0  # of resin, beyond the body of the cell: room for filopodia


@frozen(kw_only=True)
class CellSpec:
    """What a cell is drawn from. The same spec gives the same cell, whatever part of it is imaged."""

    seed: int = field(validator=validators.ge(0))
    fixation: Fixation = field(default="CF", validator=validators.in_(tuple(STYLES)))
    diameter_um: float = field(default=8.0)
    """Longest diameter of the body; its height is 0.6 of it."""
    pore_diameters: Diameters = field(factory=Diameters)
    crowded: bool = False
    """Cytosol as full as in tissue, and stain and microscope drawn from the seed, each over a wide range."""

    @diameter_um.validator
    def _possible(self, _: object, value: float) -> None:
        if not SMALLEST_UM <= value <= LARGEST_UM:
            raise GeometryError(f"diameter: expected {SMALLEST_UM:g} to {LARGEST_UM:g} um, got {value:g}")

    @property
    def style(self) -> Style:
        """Grey values of the fixation, those of this cell alone where it is crowded."""
        return draw_style(self.fixation, self.seed) if self.crowded else STYLES[self.fixation]

    @property
    def extent_nm(self) -> Double:
        """Box (3,) that the whole cell lies in, from 0 on."""
        extent: Double = 1000.0 * self.diameter_um * np.array([0.84, 0.62, 1.0]) + 2 * _AROUND_NM
        return extent


@frozen(eq=False)
class Cell:
    """A drawn cell; made by `make_cell` and never changed."""

    spec: CellSpec
    membrane: Surface
    nucleus: Surface
    space: Cytosol
    protrusions: Mesh
    er: Reticulum
    golgi: Apparatus
    mitochondria: tuple[Tube, ...]
    large: tuple[Blob, ...]
    vesicles: tuple[Blob, ...]
    microtubules: tuple[Tube, ...]
    nucleoli: tuple[Blob, ...]
    pores: tuple[Pore, ...]
    pits: tuple[Pit, ...]
    """Pits, caveolae and coated vesicles, those of the Golgi too."""
    look: Look


def make_cell(spec: CellSpec) -> Cell:
    """Draw a cell. It takes some seconds; nothing depends on the voxel size or on the part that is imaged."""
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(spec.seed).spawn(10)]
    style = spec.style
    membrane, nucleus = _surfaces(spec, streams[0])
    space = make_cytosol(membrane, nucleus, spec.extent_nm)
    taken = Occupancy(250.0)
    pores = place_pores(nucleus, spec.pore_diameters, streams[1])
    pits = place_pits(membrane, streams[2])
    for pit in pits:
        taken.add(pit.centre_nm - pit.depth_nm * pit.normal, max(pit.lateral_nm, pit.axial_nm) + 30)
    first_bud = 1 + sum(pit.coated for pit in pits)
    golgi = make_golgi(space, nucleus, taken, first_bud=first_bud, rng=streams[3])
    mitochondria = place_mitochondria(space, taken, style, streams[4])
    large = place_large(space, taken, style, streams[5])
    er = make_er(space, nucleus, style, seed=spec.seed, rng=streams[6])
    er = _beside(er, taken)
    take_network(er.mesh.segments.mean(axis=1), taken, 45.0)
    take_network(er.mesh.triangles.mean(axis=1), taken, 45.0)
    vesicles = place_vesicles(space, taken, style, streams[7])
    return Cell(
        spec=spec,
        membrane=membrane,
        nucleus=nucleus,
        space=space,
        protrusions=_protrusions(membrane, streams[8]),
        er=er,
        golgi=golgi,
        mitochondria=mitochondria,
        large=large,
        vesicles=(*vesicles, *golgi.vesicles),
        microtubules=place_microtubules(space, taken, style, streams[7]),
        nucleoli=_nucleoli(nucleus, streams[9]),
        pores=pores,
        pits=(*pits, *golgi.buds),
        look=draw_look(style, spec.seed) if spec.crowded else _draw_look(style, streams[9]),
    )


def _surfaces(spec: CellSpec, rng: np.random.Generator) -> tuple[Surface, Surface]:
    """A body flattened on its coverslip side, and a nucleus off its middle."""
    size = 1000.0 * spec.diameter_um
    scale = min(1.0, spec.diameter_um / 8.0)
    centre = spec.extent_nm / 2
    membrane = Surface(
        centre_nm=centre,
        axes_nm=size * np.array([0.38, 0.31, 0.45]),
        seed=spec.seed,
        salt=600,
        waves=((1500.0, 190.0 * scale), (420.0, 40.0 * scale)),
        floor_nm=float(centre[1] + 0.22 * size),
    )
    shift = size * np.array([rng.uniform(-0.05, 0.05), -0.035, rng.uniform(-0.07, 0.07)])
    nucleus = Surface(
        centre_nm=centre + shift,
        axes_nm=size * np.array([0.21, 0.155, 0.25]) * rng.uniform(0.92, 1.06, 3),
        seed=spec.seed,
        salt=620,
        waves=((1300.0, 120.0 * scale), (420.0, 16.0 * scale)),
    )
    return membrane, nucleus


def _protrusions(membrane: Surface, rng: np.random.Generator) -> Mesh:
    """Filopodia, 0.1-0.2 um wide and up to a few um long, and ruffles, 0.1 um thick; 0.15 and 0.02 per um^2."""
    segments, radii, triangles = [], [], []
    area = membrane.area_um2
    points = membrane.scatter(int(rng.poisson(0.15 * area)) + 1, rng)
    for point, normal in zip(points, membrane.normal(points), strict=True):
        heading, here, radius = normal, point - 60 * normal, rng.uniform(50, 95)
        for _ in range(int(rng.integers(5, 22))):
            heading = heading + 0.22 * rng.normal(size=3)
            heading /= np.linalg.norm(heading)
            segments.append([here, here + 90 * heading])
            radii.append([radius, radius * 0.985])
            here, radius = here + 90 * heading, radius * 0.985
    points = membrane.scatter(int(rng.poisson(0.02 * area)) + 1, rng)
    for point, normal in zip(points, membrane.normal(points), strict=True):
        along = np.cross(normal, rng.normal(size=3))
        along /= np.linalg.norm(along)
        height, lean = rng.uniform(400, 1100), 0.25 * rng.normal(size=3)
        count = int(rng.integers(6, 14))
        foot = [point + (i - count / 2) * 110 * along - 120 * normal for i in range(count)]
        top = [p + height * np.sin(np.pi * (i + 0.5) / count) * (normal + lean) for i, p in enumerate(foot)]
        for i in range(count - 1):
            triangles += [[foot[i], foot[i + 1], top[i]], [foot[i + 1], top[i + 1], top[i]]]
    return Mesh(
        np.array(segments).reshape(-1, 2, 3),
        np.array(radii).reshape(-1, 2),
        np.array(triangles).reshape(-1, 3, 3),
        np.full(len(triangles), 52.0),
    )


def _nucleoli(nucleus: Surface, rng: np.random.Generator) -> tuple[Blob, ...]:
    """One to three, a fifth to a third as wide as the nucleus."""
    smallest = float(nucleus.axes_nm.min())
    return tuple(
        Blob(
            Kind.NUCLEOLUS,
            nucleus.centre_nm + rng.uniform(-0.45, 0.45, 3) * nucleus.axes_nm,
            smallest * rng.uniform(0.2, 0.34, 3),
            rotation(rng),
            grey=0.0,
        )
        for _ in range(int(rng.integers(1, 4)))
    )


def _beside(er: Reticulum, taken: Occupancy) -> Reticulum:
    """The network without the pieces that lie in the middle of large organelles."""
    lines = [taken.is_free(piece.mean(axis=0), -40.0) for piece in er.mesh.segments]
    plates = [taken.is_free(piece.mean(axis=0), -40.0) for piece in er.mesh.triangles]
    mesh = Mesh(
        er.mesh.segments[lines],
        er.mesh.segment_radius[lines],
        er.mesh.triangles[plates],
        er.mesh.triangle_radius[plates],
    )
    return Reticulum(mesh=mesh, hole_nm=er.hole_nm, hole_radius_nm=er.hole_radius_nm)


def _draw_look(style: Style, rng: np.random.Generator) -> Look:
    """Contrast and noise of one cell."""
    return Look(
        gain=float(rng.uniform(*style.contrast)),
        offset=float(rng.uniform(-8.0, 8.0)),
        psf_nm=float(rng.uniform(*style.psf_nm)),
        shot=float(rng.uniform(*style.shot)),
        correlated=float(rng.uniform(2.0, 4.0)),
        jitter=float(rng.uniform(1.0, 3.5)),
        gradient=float(rng.uniform(3.0, 8.0)),
        curtain=float(rng.uniform(0.6, 2.2)),
        drift=float(rng.uniform(0.05, 0.3)),
    )
