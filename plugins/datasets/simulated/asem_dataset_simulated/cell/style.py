"""How fixation shows in the image: grey values of stained matter before the microscope blurs them.

`CF` is chemical fixation, `HPFS` high-pressure freezing with freeze substitution. Gallusser et al. 2022 describe how
they differ: chemical fixation washes cytosol out and swells the lumen of the ER, so that membranes stand out; freezing
keeps the cytosol dense and granular, membranes smooth and their contrast low.
"""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

LABELS = ("cell", "nucleus", "envelope", "er", "golgi", "mito", "pore", "ccp", "caveola", "lysosome", "lipid")
"""Label images: `golgi`, `mito`, `pore`, `ccp`, `lysosome` and `lipid` hold a number per object, the rest 0 and 1."""

Fixation = Literal["CF", "HPFS"]


@frozen(kw_only=True)
class Ribosomes:
    """How many there are, and how large: at most one in each cell of a lattice."""

    lattice_nm: float = 34.0
    free: float = 0.15
    """Chance of one in a cell of the lattice; 3800 per um^3 of cytosol (HeLa: about 10^7 in 2000-3000 um^3)."""
    bound: float = 0.6
    """The same beside the ER."""
    clustering: float = 1.1
    """How much free ones gather in places."""
    sigma_nm: float = 8.0


@frozen(kw_only=True)
class Style:
    """Grey values (0 black, 255 white) and what goes with them."""

    resin: float
    cytosol: float
    granularity: float
    """Strength of the fine texture of cytosol and nucleoplasm, grey values."""
    texture: tuple[float, float, float] = (0.95, 0.3, 0.12)
    """What grain, ripple and wave have of it in the cytosol."""
    nuclear_texture: tuple[float, float] = (0.9, 0.35)
    """What grain and ripple have of it in the nucleus."""
    grain_nm: float = 17.0
    """Spacing of the finest noise; what it draws is half as wide again."""
    filament: float = 9.0
    """How much darker the mesh of filaments is than the cytosol."""
    ribosome: float
    """How much darker a ribosome is than the cytosol."""
    ribosomes: Ribosomes = field(factory=Ribosomes)
    membrane: float
    wall: float = 1.0
    """Factor of the thickness of membranes, inwards from their outer face."""
    patchiness: float = 0.0
    """How unevenly membranes take the stain along their course, grey values."""
    fringe: float = 0.0
    """Share of the membrane's stain that the cytosol has beside it."""
    er_lumen: float
    er_swelling: float
    """Factor of the radius of ER and of the width of the perinuclear space."""
    er_spacing_nm: float = 450.0
    """Between the points round which its network is spun: a narrower one has more tubules."""
    er_bends: tuple[tuple[float, float], ...] = ((300.0, 58.0),)
    """How its tubules and sheets wind: spacing and amplitude of smooth displacements, nm."""
    ripple_nm: float
    """How far the membranes of ER and Golgi waver."""
    golgi_lumen: float
    matrix: float
    """Of mitochondria."""
    crista: float
    nucleoplasm: float
    chromatin: float
    nucleolus: float
    coat: float
    """Darkness of the clathrin coat: share by which it takes the grey value towards the membrane's."""
    microtubule: float
    lysosome: tuple[float, float]
    lipid: tuple[float, float]
    crowding: float = 1.0
    """Factor of the number of vesicles, microtubules, lysosomes, endosomes and lipid droplets."""
    contrast: tuple[float, float]
    """Range of the cells' own contrast."""
    shot: tuple[float, float]
    psf_nm: tuple[float, float]


STYLES: dict[Fixation, Style] = {
    "CF": Style(
        resin=205, cytosol=166, granularity=13, ribosome=76, membrane=-10, er_lumen=190, er_swelling=1.2, ripple_nm=6.5,
        golgi_lumen=182, matrix=108, crista=60, nucleoplasm=165, chromatin=112, nucleolus=92, coat=0.75,
        microtubule=0.3, lysosome=(55, 115), lipid=(70, 150), contrast=(1.0, 1.3), shot=(2.5, 6.0), psf_nm=(7.0, 9.0),
    ),
    "HPFS": Style(
        resin=188, cytosol=144, granularity=13, ribosome=50, membrane=25, er_lumen=128, er_swelling=0.9, ripple_nm=2.5,
        golgi_lumen=128, matrix=98, crista=46, nucleoplasm=152, chromatin=114, nucleolus=96, coat=0.6,
        microtubule=0.4, lysosome=(65, 120), lipid=(95, 175), contrast=(1.0, 1.3), shot=(3.5, 7.0), psf_nm=(7.0, 9.0),
    ),
}  # fmt: skip
