"""What a report says of the objects, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from asem_analysis_pits.classes import CAVEOLA, PIT

if TYPE_CHECKING:
    import xarray as xr

_FLAGS = {
    "touches-border": "without sizes: a face of the volume cuts them",
    "too-long": "without sizes: too long to be one pit",
    "no-membrane-plane": "at the membrane, which is too little or too bent there to count depth from",
    "uneven-membrane": "at an uneven membrane: their neck, height and width are left out of medians and figures",
    "no-lumen": "at the membrane without a lumen to be seen",
    "no-ellipse": "without an ellipse",
    "short-arc": "with less than 200 degrees of the ellipse seen: their axes are left out of medians and figures",
    "border-near": "so near to a face of the volume that membrane beyond it may be nearer: the class is not sure",
}


def findings(pits: xr.Dataset, found: Mapping[str, Any]) -> Iterator[str]:
    """What the numbers say and what they leave out.

    Parameters
    ----------
    pits
        The objects that are not rejected.
    found
        The statistics of all.
    """
    if found["left_out"]:
        yield f"Too small, and left out: {found['left_out']:,}."
    if not found["pits"]:
        yield "**There are no objects**, so there is nothing to draw."
        return
    if found["rejected"]:
        yield f"Rejected in the review, and only in the gallery: {found['rejected']:,}."
    if found["by_hand"]:
        yield f"With a class or size by hand: {found['by_hand']:,}."
    flags = [flag for flags in pits.flags.values for flag in flags.split()]
    for flag, words in _FLAGS.items():
        if count := flags.count(flag):
            yield f"{count:,} of {pits.sizes['pit']:,} {words}."
    counts = {name: found["class"][name] for name in (PIT, CAVEOLA)}
    if any(counts.values()):
        yield (
            f"At the membrane, coated from an enhancement of {found['coat_threshold']:.2f}: {counts[PIT]:,} coated "
            f"pits, {counts[CAVEOLA]:,} caveolae."
        )
    both = (pits.stage.values != "") & (pits.cluster.values != "")
    if both.any():
        same = int((pits.stage.values == pits.cluster.values)[both].sum())
        yield (
            f"Early and late by the neck alone, and by k-means on neck and height, agree for {same:,} of "
            f"{both.sum():,} pits."
        )
