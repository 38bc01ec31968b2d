"""Nuclear pores: where they are in the envelope, and how wide."""

from __future__ import annotations

import numpy as np
from attrs import field, frozen
from scipy.interpolate import PchipInterpolator  # type: ignore[import-untyped,unused-ignore]

from asem_core.errors import GeometryError
from asem_dataset_simulated.cell.surface import Surface
from asem_dataset_simulated.noise import Double, Float
from asem_dataset_simulated.placement import thinned

# Per um^2, of the order found in HeLa in interphase (Maeshima et al. 2006, J Cell Sci 119:4442).
_DENSITY = 9.0
_APART_NM = 165.0
PAPER = ((0.0, 60.0), (0.1, 75.0), (0.5, 92.0), (0.9, 108.0), (1.0, 130.0))
"""Quantiles of 934 pores of three cells (Gallusser et al. 2022): range 60-130 nm, median 92, 10-90 % 75-108."""


def _increasing(_: object, __: object, value: tuple[tuple[float, float], ...]) -> None:
    shares, diameters = zip(*value, strict=True)
    rising = np.all(np.diff(shares) > 0) and np.all(np.diff(diameters) >= 0)
    if shares[0] != 0 or shares[-1] != 1 or not rising or not 20 <= diameters[0] <= diameters[-1] <= 250:
        raise GeometryError(
            f"pore diameters: expected (share, nm) pairs that rise from share 0 to share 1, 20 to 250 nm, got {value}"
        )


@frozen
class Diameters:
    """Distribution of the pores' diameters, by its quantiles: (share, nm) pairs."""

    quantiles: tuple[tuple[float, float], ...] = field(default=PAPER, validator=_increasing)

    def draw(self, count: int, rng: np.random.Generator) -> Double:
        """``count`` diameters, nm."""
        shares, diameters = zip(*self.quantiles, strict=True)
        drawn: Double = PchipInterpolator(shares, diameters)(rng.uniform(0, 1, count))
        return drawn


def single(diameter_nm: float) -> Diameters:
    """Every pore of one diameter."""
    return Diameters(((0.0, diameter_nm), (1.0, diameter_nm)))


@frozen(eq=False)
class Pore:
    """One pore: the place of its middle (3,), the normal (3,) that points into the cytosol, its diameter.

    The diameter is measured between the middles of the dark membrane on either side, half way through the envelope.
    """

    label: int
    centre_nm: Double
    normal: Double
    diameter_nm: float


def place_pores(nucleus: Surface, diameters: Diameters, rng: np.random.Generator) -> tuple[Pore, ...]:
    """Pores all over the envelope, none nearer than 165 nm to another."""
    points = nucleus.scatter(int(1.35 * _DENSITY * nucleus.area_um2) + 1, rng)
    points = points[thinned(points, _APART_NM)][: int(_DENSITY * nucleus.area_um2) + 1]
    normals = nucleus.normal(points)
    widths = diameters.draw(len(points), rng)
    return tuple(
        Pore(label=number, centre_nm=point, normal=normal, diameter_nm=float(width))
        for number, (point, normal, width) in enumerate(zip(points, normals, widths, strict=True), start=1)
    )


def pore_envelope(height: Float, across: Float, *, radius_nm: float, half_nm: float) -> Float:
    """Distance to the envelope beside a pore, where its two membranes meet in half a torus.

    Parameters
    ----------
    height, across : float32
        Distance from the middle of the envelope and from the axis of the pore, nm.
    radius_nm : float
        Of the pore, to the membrane's face.
    half_nm : float
        Half the thickness of the envelope.
    """
    beyond = np.maximum(np.float32(radius_nm + half_nm) - across, 0)
    distance: Float = np.sqrt(height * height + beyond * beyond) - np.float32(half_nm)
    return distance
