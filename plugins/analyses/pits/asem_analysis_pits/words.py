"""What a report says of the objects, in numbers and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from asem_analysis_pits.classes import CAVEOLA, CLASSES, EARLY, LATE, PIT, SECRETORY, VESICLE
from asem_analysis_pits.figures import FEWEST, Double
from asem_core.reporting import Number

if TYPE_CHECKING:
    import xarray as xr

_FLAGS = {
    "touches-border": "without sizes: a face of the volume cuts them",
    "too-long": "without sizes: too long to be one pit",
    "no-membrane-plane": "at the membrane, which is too little or too bent there to count depth from",
    "uneven-membrane": "at an uneven membrane: neck, height and width are left out of medians and figures",
    "no-lumen": "at the membrane without a lumen to be seen",
    "no-ellipse": "without an ellipse",
    "short-arc": "with less than 200 degrees of the ellipse seen: the axes are left out of medians and figures",
    "border-near": "so near to a face of the volume that membrane beyond it may be nearer: the class is not sure",
}


def summary(pits: xr.Dataset, found: Mapping[str, Any]) -> Iterator[Number]:
    """Counts, and the median and 10-90 % of the sizes; parameters as of `findings`."""
    rejected = f"and {found['rejected']:,} rejected" if found["rejected"] else ""
    yield Number(label="objects", text=f"{pits.sizes['pit']:,}", note=rejected)
    for name, plural in zip(CLASSES, ("endocytic pits", "caveolae", "endocytic vesicles", "secretory"), strict=True):
        stages = f"{found['stage'][EARLY]} early, {found['stage'][LATE]} late" if name == PIT else ""
        yield Number(label=plural, text=f"{found['class'][name]:,}", note=stages if found["class"][name] else "")
    for kind, label, column in (
        (PIT, "neck of pits", "neck_nm"),
        (PIT, "height of pits", "height_nm"),
        (PIT, "width of pits", "width_nm"),
        (CAVEOLA, "height of caveolae", "height_nm"),
        (CAVEOLA, "width of caveolae", "width_nm"),
    ):
        yield from _spread(label, pits[column].values[pits["class"].values == kind])
    for kind, label in ((PIT, "of pits"), (VESICLE, "of endocytic vesicles"), (SECRETORY, "of secretory")):
        yield from _spread(f"major axis {label}", pits.major_nm.values[pits["class"].values == kind])


def _spread(label: str, values: Double) -> Iterator[Number]:
    known = values[np.isfinite(values)]
    if not len(known):
        return
    count = f"n\u00a0=\u00a0{len(known):,}"
    if len(known) < FEWEST:
        yield Number(label=label, text="\u2013", note=f"{count}, too few for a median")
        return
    low, median, high = np.percentile(known, (10, 50, 90))
    yield Number(label=label, text=f"{median:.1f} nm", note=f"10-90 %: {low:.0f} to {high:.0f} nm, {count}")


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
