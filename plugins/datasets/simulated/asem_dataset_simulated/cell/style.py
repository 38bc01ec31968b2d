"""How fixation shows in the image: grey values of stained matter before the microscope blurs them.

`CF` is chemical fixation, `HPFS` high-pressure freezing with freeze substitution. Gallusser et al. 2022 describe how
they differ: chemical fixation washes cytosol out and swells the lumen of the ER, so that membranes stand out; freezing
keeps the cytosol dense and granular, membranes smooth and their contrast low.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

LABELS = ("cell", "nucleus", "envelope", "er", "golgi", "mito", "pore", "ccp", "caveola", "lysosome", "lipid")
"""Label images: `golgi`, `mito`, `pore`, `ccp`, `lysosome` and `lipid` hold a number per object, the rest 0 and 1."""

Fixation = Literal["CF", "HPFS"]


@frozen(kw_only=True)
class Style:
    """Grey values (0 black, 255 white) and what goes with them."""

    resin: float
    cytosol: float
    granularity: float
    """Strength of the fine texture of cytosol and nucleoplasm, grey values."""
    ribosome: float
    """How much darker a ribosome is than the cytosol."""
    membrane: float
    er_lumen: float
    er_swelling: float
    """Factor of the radius of ER and of the width of the perinuclear space."""
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
