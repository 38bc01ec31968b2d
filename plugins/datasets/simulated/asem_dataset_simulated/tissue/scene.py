"""The objects of a simulated cut-out, in nm; `asem_dataset_simulated.tissue.assemble.make_scene` draws them."""

from __future__ import annotations

from enum import Enum

import numpy as np
from attrs import field, frozen

from asem_dataset_simulated.grid import Triple, VoxelSize
from asem_dataset_simulated.microscope import Look
from asem_dataset_simulated.noise import Double, Index
from asem_dataset_simulated.tissue.partition import Cells


class Kind(Enum):
    """What an object is; each kind is painted in its own way."""

    MITOCHONDRION = "mitochondrion"
    ER_TUBULE = "er_tubule"
    ER_SHEET = "er_sheet"
    MICROTUBULE = "microtubule"
    VESICLE = "vesicle"
    DENSE_VESICLE = "dense_vesicle"
    ENDOSOME = "endosome"
    LYSOSOME = "lysosome"
    MULTIVESICULAR = "multivesicular"
    LIPID = "lipid"


@frozen(eq=False)
class Tube:
    """A tree of round cones.

    Attributes
    ----------
    nodes_nm, radius_nm : float64 (N, 3), (N,)
        Axis points (zyx, nm) and the radius at each.
    edges : int64 (E, 2)
        Pairs of nodes joined by a cone.
    label : int
        Ground-truth label of a mitochondrion, 1..n; 0 for everything else.
    grey : float
        Grey value of the matrix or lumen.
    cell : int
        The cell the tube lies in.
    crista_spacing_nm, crista_grey, crista_axis
        Distance between cristae, how much darker they are, and their normal (3,).
    """

    kind: Kind
    nodes_nm: Double
    radius_nm: Double
    edges: Index
    cell: int
    grey: float
    label: int = 0
    crista_spacing_nm: float = 0.0
    crista_grey: float = 0.0
    crista_axis: Double = field(factory=lambda: np.array([1.0, 0.0, 0.0]))

    @property
    def low_nm(self) -> Double:
        """Lower corner (3,) of the box round the tube."""
        low: Double = (self.nodes_nm - self.radius_nm[:, None]).min(axis=0)
        return low

    @property
    def high_nm(self) -> Double:
        """Upper corner (3,) of the box round the tube."""
        high: Double = (self.nodes_nm + self.radius_nm[:, None]).max(axis=0)
        return high


@frozen(eq=False)
class Blob:
    """An ellipsoid: centre (3,) zyx in nm, semi-axes (3,) in nm, rotation (3, 3) whose rows are the axes."""

    kind: Kind
    centre_nm: Double
    axes_nm: Double
    rotation: Double
    grey: float

    @property
    def low_nm(self) -> Double:
        """Lower corner (3,) of the box round the ellipsoid."""
        return self.centre_nm - self._half()

    @property
    def high_nm(self) -> Double:
        """Upper corner (3,) of the box round the ellipsoid."""
        return self.centre_nm + self._half()

    def _half(self) -> Double:
        half: Double = np.sqrt(((self.rotation * self.axes_nm[:, None]) ** 2).sum(axis=0))
        return half


@frozen(eq=False)
class Density:
    """A post-synaptic density: dark stuff under the membrane of `cell`, within `radius_nm` of `centre_nm` (3,)."""

    centre_nm: Double
    radius_nm: float
    depth_nm: float
    cell: int
    strength: float


@frozen(eq=False)
class Scene:
    """Everything `render` needs; made by `make_scene` and never changed."""

    shape: Triple
    voxel_size_nm: VoxelSize
    seed: int
    cells: Cells
    tubes: tuple[Tube, ...]
    blobs: tuple[Blob, ...]
    densities: tuple[Density, ...]
    look: Look
    tube_bounds: Double = field(init=False, repr=False)
    blob_bounds: Double = field(init=False, repr=False)

    @tube_bounds.default
    def _tube_bounds(self) -> Double:
        return np.array([[t.low_nm, t.high_nm] for t in self.tubes]).reshape(-1, 2, 3)

    @blob_bounds.default
    def _blob_bounds(self) -> Double:
        return np.array([[b.low_nm, b.high_nm] for b in self.blobs]).reshape(-1, 2, 3)

    @property
    def mitochondria(self) -> tuple[Tube, ...]:
        """The mitochondria, in the order of their labels 1..n."""
        return tuple(tube for tube in self.tubes if tube.label)


def draw_look(rng: np.random.Generator) -> Look:
    """Contrast and noise of one cut-out, tuned by eye towards a hippocampus FIB-SEM at 10 nm."""
    return Look(
        gain=float(rng.uniform(0.97, 1.1)),
        offset=float(rng.uniform(-5.0, 5.0)),
        psf_nm=float(rng.uniform(6.0, 8.0)),
        shot=float(rng.uniform(2.5, 4.5)),
        correlated=float(rng.uniform(3.0, 5.0)),
        jitter=float(rng.uniform(1.5, 3.5)),
        gradient=float(rng.uniform(2.0, 5.0)),
        curtain=float(rng.uniform(0.4, 1.4)),
    )
