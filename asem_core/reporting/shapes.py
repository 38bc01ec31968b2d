"""Figures of how objects are shaped and what they touch: length, branching, contact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asem_core.draw.colours import hex_colour, organelle_colour
from asem_core.reporting.figures import BLUE, GREY, new_figure, picture
from asem_core.reporting.parts import Figure

if TYPE_CHECKING:
    import xarray as xr

Double = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_UM, _UM3 = 1e3, 1e9
_MOST_BRANCHES = 8
"""Objects of as many and of more are one bar."""
_CUT = (
    "Hollow: a face of the volume cuts the object, so that it may be longer, larger and more branched than it is seen."
)


def shape_figures(objects: xr.Dataset) -> Iterator[Figure]:
    """Length against volume, and how many branches objects have; nothing where skeletons were not measured."""
    if "skeleton_length_nm" not in objects:
        return
    cut = objects.touches_border.values
    length, volume = objects.skeleton_length_nm.values / _UM, objects.volume_nm3.values / _UM3
    branches = objects.skeleton_branches.values
    if (length > 0).sum() > 1:
        yield Figure(
            title="Length and volume",
            html=_length_and_volume(length, volume, cut=cut),
            caption=f"A point for each object that has a length: that of all branches of its skeleton. {_CUT}",
        )
    if np.isfinite(branches).sum() > 1:
        yield Figure(
            title="Branching",
            html=_branching(branches, cut=cut),
            caption=f"Branches of the skeleton: 1 is a line or a ring, 3 a fork, 0 a point. {_CUT}",
        )


def contact_figure(objects: xr.Dataset, other: str) -> Iterator[Figure]:
    """How much of the surface of each object is near ``other``."""
    area, surface = objects[f"contact_{other}_nm2"].values, objects.surface_nm2.values
    share = (area / surface)[surface > 0]
    if len(share) > 1:
        touching = share[share > 0]
        middle = f"; of these the median is {np.median(touching):.1%}" if len(touching) else ""
        yield Figure(
            title=f"Share of the surface in contact with {other}",
            html=_shares(share, other),
            caption=f"Of {len(share):,} objects {len(touching):,} are in contact{middle}. The others are the grey bar.",
        )


def _length_and_volume(length_um: Double, volume_um3: Double, *, cut: Flags) -> str:
    figure, (axes,) = new_figure()
    for those, face in ((~cut, BLUE), (cut, "none")):
        those = those & (length_um > 0)
        axes.scatter(
            length_um[those], volume_um3[those], s=18, facecolor=face, edgecolor=BLUE, linewidth=0.8, alpha=0.8
        )
    axes.set(xscale="log", yscale="log", xlabel="length (µm)", ylabel="volume (µm³)")
    return picture(figure, f"Volume against length of {(length_um > 0).sum()} objects")


def _branching(branches: Double, *, cut: Flags) -> str:
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = new_figure()
    known = np.isfinite(branches)
    number = np.minimum(branches[known], _MOST_BRANCHES).astype(np.int64)
    places = np.arange(number.max() + 1)
    whole, seen = (np.bincount(number[those], minlength=len(places)) for those in (~cut[known], cut[known]))
    axes.bar(places, whole, color=BLUE, edgecolor=BLUE, linewidth=0.8)
    axes.bar(places, seen, bottom=whole, color="none", edgecolor=BLUE, linewidth=0.8)
    axes.set_xticks(places, [f"{n}+" if n == _MOST_BRANCHES else str(n) for n in places])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="branches", ylabel="objects")
    return picture(figure, f"Numbers of branches of {known.sum()} objects")


def _shares(share: Double, other: str) -> str:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure, (axes,) = new_figure()
    edges = np.linspace(0, max(float(share.max()), 0.01), 21)
    axes.hist(
        share[share > 0], edges.tolist(), color=hex_colour(organelle_colour(other)), edgecolor="white", linewidth=0.5
    )
    axes.bar(-edges[1], int((share == 0).sum()), width=0.9 * edges[1], color=GREY)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=f"surface in contact with {other}", ylabel="objects")
    return picture(figure, f"Shares of the surface of {len(share)} objects in contact with {other}")
