"""The report of an analysis of pits: its numbers in words, figures, gallery and method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_analysis_pits import figures
from asem_analysis_pits.classes import CAVEOLA, CLASSES, EARLY, LATE, PIT, SECRETORY, VESICLE
from asem_analysis_pits.gallery import galleries
from asem_analysis_pits.map3d import map_pits
from asem_analysis_pits.words import findings
from asem_core.report.needs import need_variables
from asem_core.report.parts import Figure, Number, Report

if TYPE_CHECKING:
    import xarray as xr

Double = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

VARIABLES = (
    "class", "measured_class", "verdict", "by_hand", "stage", "cluster", "flags", "z_nm", "y_nm", "x_nm", "distance_nm",
    "enhancement", "neck_nm", "neck_depth_nm", "height_nm", "width_nm", "measured_neck_nm", "measured_height_nm",
    "major_nm", "minor_nm", "aspect_ratio", "arc_deg", "view_axis", "view_nm", "membrane_z_nm", "normal_z",
    "width_profile_nm", "outline_nm", "section", "axis_section",
)  # fmt: skip
"""What a report is made from."""
_UNSURE = {
    "short-arc": ("major_nm", "minor_nm", "aspect_ratio"),
    "uneven-membrane": ("neck_nm", "height_nm", "width_nm", "width_profile_nm"),
}
"""Columns that are left out of numbers and figures where a flag is raised."""
_PAPER_HEIGHT_NM, _PAPER_WIDTH_NM = 61.0, 81.0
"""Of caveolae (Gallusser et al. 2022)."""


_VIOLIN = f"A point per object; fewer than {figures.FEWEST} without a violin. Bar and white dot: quartiles and median."


def report_pits(dataset: xr.Dataset, *, folder: Path) -> Report:
    """The report on what `measure_pits` found.

    Parameters
    ----------
    dataset
        As it was returned.
    folder
        The output folder; not used, all is in ``dataset``.

    Raises
    ------
    AsemError
        Another version wrote ``dataset``: a variable is missing.
    """
    need_variables(dataset, *VARIABLES)
    kept = dataset.isel(pit=dataset.verdict.values != "reject")
    pits = _sure(kept)
    return Report(
        title="Coated pits, coated vesicles and caveolae",
        summary=tuple(_numbers(pits, dataset.attrs["statistics"])),
        findings="\n".join(f"- {line}" for line in findings(kept, dataset.attrs["statistics"])),
        figures=tuple(_figures(pits, open_neck_nm=dataset.attrs["asem"]["params"]["open_neck_nm"])),
        galleries=galleries(dataset),
        methods=Path(__file__).with_name("methods.md").read_text(encoding="utf-8"),
    )


def _numbers(pits: xr.Dataset, found: Mapping[str, Any]) -> Iterator[Number]:
    rejected = f"and {found['rejected']:,} rejected" if found["rejected"] else ""
    yield Number(label="objects", text=f"{pits.sizes['pit']:,}", note=rejected)
    for name, plural in zip(CLASSES, ("endocytic pits", "caveolae", "endocytic vesicles", "secretory"), strict=True):
        stages = f"{found['stage'][EARLY]} early, {found['stage'][LATE]} late" if name == PIT else ""
        yield Number(label=plural, text=f"{found['class'][name]:,}", note=stages if found["class"][name] else "")
    for kind, label, column in (
        (PIT, "neck of pits", "neck_nm"), (PIT, "height of pits", "height_nm"), (PIT, "width of pits", "width_nm"),
        (CAVEOLA, "height of caveolae", "height_nm"), (CAVEOLA, "width of caveolae", "width_nm"),
    ):  # fmt: skip
        yield from _spread(label, pits[column].values[pits["class"].values == kind])
    for kind, label in ((PIT, "of pits"), (VESICLE, "of endocytic vesicles"), (SECRETORY, "of secretory")):
        yield from _spread(f"major axis {label}", pits.major_nm.values[pits["class"].values == kind])


def _spread(label: str, values: Double) -> Iterator[Number]:
    known = values[np.isfinite(values)]
    if not len(known):
        return
    low, median, high = np.percentile(known, (10, 50, 90))
    spread = f"10-90 %: {low:.0f} to {high:.0f} nm, " if len(known) >= figures.FEWEST else ""
    yield Number(label=label, text=f"{median:.1f} nm", note=f"{spread}n\u00a0=\u00a0{len(known):,}")


def _figures(pits: xr.Dataset, *, open_neck_nm: float) -> Iterator[Figure]:
    of_class = {name: pits["class"].values == name for name in CLASSES}
    staged = (pits.stage.values != "") & np.isfinite(pits.neck_nm.values) & np.isfinite(pits.height_nm.values)
    if np.isfinite(pits.height_nm.values).any():
        yield from _lumens(pits, of_class)
    if staged.any():
        yield Figure(
            title="Height against neck",
            html=figures.height_against_neck(
                pits.neck_nm.values[staged], pits.height_nm.values[staged], stage=pits.stage.values[staged],
                cluster=pits.cluster.values[staged], open_neck_nm=open_neck_nm,
            ),
            caption=f"A point per coated pit. Colour: {_coloured_by(pits)}. Dashed: a neck of {open_neck_nm:g} nm, "
            "which parts early from late.",
        )  # fmt: skip
    at = {name: pits.enhancement.values[of_class[name]] for name in (PIT, CAVEOLA)}
    if _known(at):
        yield Figure(
            title="Coat", html=figures.coat(at, threshold=pits.attrs["coat_threshold"]),
            caption="Objects at the membrane: how much darker than the cytoplasm their wall is, in units of the plain "
            "membrane. Dashed: the threshold between caveolae and coated pits.",
        )  # fmt: skip
    yield from _ellipses(pits, of_class)
    if pits.sizes["pit"]:
        yield Figure(
            title="Where they are", wide=True, html=map_pits(pits),
            caption="Turn it with the mouse or a finger, zoom with the wheel, point at an object for its number and "
            "sizes; a click on the legend hides what it names. Positions are those of the acquisition.",
        )  # fmt: skip


def _lumens(pits: xr.Dataset, of_class: Mapping[str, Mask]) -> Iterator[Figure]:
    pair = {name: of_class[name] for name in (PIT, CAVEOLA)}
    yield Figure(
        title="Width and height of pits and caveolae", wide=True,
        html=figures.violins(
            {label: {name: pits[column].values[those] for name, those in pair.items()}
             for label, column in (("width (nm)", "width_nm"), ("height (nm)", "height_nm"))},
            marks={"width (nm)": {CAVEOLA: _PAPER_WIDTH_NM}, "height (nm)": {CAVEOLA: _PAPER_HEIGHT_NM}},
        ),
        caption=f"Of the lumen. {_VIOLIN} Dashed: where the paper's caveolae are centred, {_PAPER_WIDTH_NM:g} nm wide "
        f"and {_PAPER_HEIGHT_NM:g} nm deep.",
    )  # fmt: skip
    known = np.isfinite(pits.width_profile_nm.values).any(axis=1)
    groups = {EARLY: pits.stage.values == EARLY, LATE: pits.stage.values == LATE, CAVEOLA: of_class[CAVEOLA]}
    widths = {name: pits.width_profile_nm.values[those & known] for name, those in groups.items()
              if (those & known).any()}  # fmt: skip
    if widths:
        yield Figure(
            title="Lumen in profile", wide=True, html=figures.lumens(widths, pits.depth_nm.values),
            caption="Mean width of the lumen at each depth, drawn to scale about the axis; band: 10-90 % of objects. "
            "Dashed: the plane of the membrane.",
        )  # fmt: skip


def _ellipses(pits: xr.Dataset, of_class: Mapping[str, Mask]) -> Iterator[Figure]:
    coated = (PIT, VESICLE, SECRETORY)
    panels = {"major axis (nm)": "major_nm", "minor axis (nm)": "minor_nm", "aspect ratio": "aspect_ratio"}
    groups = {label: {name: pits[column].values[of_class[name]] for name in coated} for label, column in panels.items()}
    axes = groups["major axis (nm)"]
    if _known(axes):
        yield Figure(
            title="Ellipses of endocytic and secretory objects", wide=True, html=figures.violins(groups),
            caption=f"Through the middle of membrane and coat. {_VIOLIN} Ellipses of which less than 200 degrees are "
            "seen are left out.",
        )  # fmt: skip
    heights = {name: pits.height_nm.values[pits.stage.values == name] for name in (EARLY, LATE)}
    for title, label, values, what in (
        ("Heights", "height (nm)", heights, "coated pits"), ("Major axes", "major axis (nm)", axes, "those ellipses"),
    ):  # fmt: skip
        if _known(values):
            yield Figure(
                title=title, html=figures.histogram(values, label=label), caption=f"Of {what}, in bins of "
                f"{figures.BIN_NM:g} nm.",
            )  # fmt: skip


def _known(groups: figures.Groups) -> bool:
    return any(np.isfinite(values).any() for values in groups.values())


def _coloured_by(pits: xr.Dataset) -> str:
    return (
        "its cluster by k-means on both"
        if (pits.cluster.values != "").any()
        else "its stage, for pits are too few to cluster"
    )


def _sure(pits: xr.Dataset) -> xr.Dataset:
    """``pits`` with NaN for what a flag says is not sure, unless a person gave it."""
    changed = {}
    for flag, columns in _UNSURE.items():
        raised = np.array([flag in flags.split() for flags in pits.flags.values], np.bool_)
        for column in columns:
            by_hand = np.array([column in names.split() for names in pits.by_hand.values], np.bool_)
            changed[column] = pits[column].where(pits.flags.copy(data=~raised | by_hand))
    return pits.assign(changed)
