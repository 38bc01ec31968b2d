"""How one crowded cell is stained and imaged: drawn from its seed, every value over a wide range.

The ranges are ours. They were widened until the cells' texture and grey values covered those of four real volumes
(``docs/simulated.md``); they go further than any one laboratory's, so that a network learns what is common to all.
"""

from __future__ import annotations

import numpy as np

from asem_dataset_simulated.cell.style import Fixation, Ribosomes, Style
from asem_dataset_simulated.microscope import Look

_SALT = 900
_MESH = 0.09  # mean of the mesh of filaments
_FRINGES = 5  # about what stain beside membranes takes from the cytosol's mean
_THICK_SECTIONS = 0.25  # share of the cells that are cut into sections


def draw_style(fixation: Fixation, seed: int) -> Style:
    """Stain and fullness of the crowded cell ``seed``.

    Fixation has a say: frozen cytosol is darker, its membranes are paler and smoother, its ER is not swollen.
    """
    fixed = fixation == "CF"
    rng = _stream(seed, 0 if fixed else 1)
    cytosol = _between(rng, 150, 185) if fixed else _between(rng, 132, 168)
    ribosomes = Ribosomes(
        lattice_nm=_between(rng, 29, 36),
        free=_between(rng, 0.25, 0.65),
        bound=_between(rng, 0.6, 0.9),
        clustering=_between(rng, 0.2, 0.8),
        sigma_nm=_between(rng, 5.6, 7.6),
    )
    dark = _between(rng, 100, 190) if fixed else _between(rng, 80, 140)
    filament = _between(rng, 10, 34)
    mean = cytosol - dark * _share(ribosomes) - _MESH * filament - _FRINGES
    lumen = mean - (_between(rng, 0, 26) if fixed else _between(rng, 0, 30))
    nucleoplasm = mean + _between(rng, -12, 12)
    chromatin = nucleoplasm - _between(rng, 25, 60)
    return Style(
        resin=min(mean + _between(rng, 30, 65), 225.0),
        cytosol=cytosol,
        granularity=_between(rng, 14, 25),
        texture=(_between(rng, 0.8, 1.4), _between(rng, 0.45, 1.1), _between(rng, 0.2, 0.7)),
        nuclear_texture=(_between(rng, 0.5, 1.0), _between(rng, 0.5, 1.3)),
        grain_nm=_between(rng, 10, 16),
        filament=filament,
        ribosome=dark,
        ribosomes=ribosomes,
        membrane=mean - (_between(rng, 80, 170) if fixed else _between(rng, 60, 130)),
        wall=_between(rng, 0.9, 1.4),
        patchiness=_between(rng, 5, 25),
        fringe=_between(rng, 0.05, 0.35),
        er_lumen=lumen,
        er_swelling=_between(rng, 0.95, 1.35) if fixed else _between(rng, 0.8, 1.05),
        er_spacing_nm=_between(rng, 370, 450),
        er_bends=((300.0, _between(rng, 50, 90)), (140.0, _between(rng, 10, 26))),
        ripple_nm=_between(rng, 4.0, 7.5) if fixed else _between(rng, 1.5, 4.0),
        golgi_lumen=lumen + _between(rng, -8, 10),
        matrix=mean - _between(rng, 5, 70),
        crista=_between(rng, 30, 80),
        nucleoplasm=nucleoplasm,
        chromatin=chromatin,
        nucleolus=chromatin - _between(rng, 5, 30),
        coat=_between(rng, 0.5, 0.85),
        microtubule=_between(rng, 0.25, 0.5),
        lysosome=(mean - 105, mean - 30),
        lipid=(mean - 95, mean),
        crowding=_between(rng, 2.0, 5.0),
        contrast=(0.85, 1.3),
        shot=(1.5, 7.0),
        psf_nm=(5.0, 11.0),
    )


def draw_look(style: Style, seed: int) -> Look:
    """Microscope of the crowded cell ``seed``."""
    rng = _stream(seed, 2)
    thick = rng.random() < _THICK_SECTIONS
    return Look(
        gain=_between(rng, *style.contrast),
        offset=_between(rng, -12, 12),
        psf_nm=_between(rng, *style.psf_nm),
        shot=_between(rng, *style.shot),
        bandwidth=_between(rng, 0.3, 1.0),
        correlated=_between(rng, 0.5, 2.0),
        jitter=_between(rng, 1.0, 4.0),
        gradient=_between(rng, 3.0, 10.0),
        curtain=_between(rng, 0.5, 3.0),
        lines=_between(rng, 0.0, 1.5),
        drift=_between(rng, 0.05, 0.4),
        section_nm=_between(rng, 20, 80) if thick else 0.0,
    )


def _share(ribosomes: Ribosomes) -> float:
    """Mean of what free ribosomes add to each voxel."""
    return float(ribosomes.free * (2 * np.pi) ** 1.5 * (ribosomes.sigma_nm / ribosomes.lattice_nm) ** 3)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _stream(seed: int, number: int) -> np.random.Generator:
    """Apart from what the cell's geometry is drawn with."""
    return np.random.default_rng(np.random.SeedSequence([_SALT + number, seed]))
