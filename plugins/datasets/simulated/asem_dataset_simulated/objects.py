"""Single organelles as round cones and ellipsoids, in nm."""

from __future__ import annotations

from enum import Enum

import numpy as np
from attrs import field, frozen

from asem_dataset_simulated.noise import Double, Index


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
    NUCLEOLUS = "nucleolus"


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
    """An ellipsoid: centre (3,) zyx in nm, semi-axes (3,) in nm, rotation (3, 3) whose rows are the axes.

    ``label``: its number in the ground truth, 0 where it has none.
    """

    kind: Kind
    centre_nm: Double
    axes_nm: Double
    rotation: Double
    grey: float
    label: int = 0

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
