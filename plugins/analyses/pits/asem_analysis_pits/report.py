"""The report of an analysis of pits: its numbers in words, figures, gallery and method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asem_analysis_pits import figures
from asem_analysis_pits.classes import CAVEOLA, CLASSES, EARLY, LATE, PIT, SECRETORY, VESICLE
from asem_analysis_pits.gallery import galleries
from asem_analysis_pits.map3d import map_pits
from asem_analysis_pits.words import findings, summary
from asem_core.reporting import Figure, Report, need_variables

if TYPE_CHECKING:
    import xarray as xr

Double = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

VARIABLES = (
    "class",
    "measured_class",
    "verdict",
    "by_hand",
    "stage",
    "cluster",
    "flags",
    "z_nm",
    "y_nm",
    "x_nm",
    "distance_nm",
    "enhancement",
    "neck_nm",
    "neck_depth_nm",
    "height_nm",
    "width_nm",
    "measured_neck_nm",
    "measured_height_nm",
    "major_nm",
    "minor_nm",
    "aspect_ratio",
    "arc_deg",
    "view_axis",
    "view_nm",
    "membrane_z_nm",
    "normal_z",
    "width_profile_nm",
    "outline_nm",
    "section",
    "axis_section",
)
"""What a report is made from."""
_UNSURE = {
    "short-arc": ("major_nm", "minor_nm", "aspect_ratio"),
    "uneven-membrane": ("neck_nm", "height_nm", "width_nm", "width_profile_nm"),
}
"""Columns that are left out of numbers and figures where a flag is raised."""
_PAPER_HEIGHT_NM, _PAPER_WIDTH_NM = 61.0, 81.0
"""Of caveolae (Gallusser et al. 2022)."""


_VIOLIN = f"A point per object; fewer than {figures.FEWEST} without a violin. Bar and white dot: quartiles and median."


def report_pits(dataset: xr.Dataset) -> Report:
    """The report on what `measure_pits` found.

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
        summary=tuple(summary(pits, dataset.attrs["statistics"])),
        findings="\n".join(f"- {line}" for line in findings(kept, dataset.attrs["statistics"])),
        figures=tuple(_figures(pits, open_neck_nm=dataset.attrs["asem"]["params"]["open_neck_nm"])),
        galleries=galleries(dataset),
        methods=Path(__file__).with_name("methods.md").read_text(encoding="utf-8"),
    )


def _figures(pits: xr.Dataset, *, open_neck_nm: float) -> Iterator[Figure]:
    of_class = {name: pits["class"].values == name for name in CLASSES}
    yield from _lumens(pits, of_class)
    at = {name: pits.enhancement.values[of_class[name]] for name in (PIT, CAVEOLA)}
    if _known(at):
        yield Figure(
            title="Coat",
            html=figures.coat(at, threshold=pits.attrs["coat_threshold"]),
            caption="Objects at the membrane: how much darker than the cytoplasm their wall is, in units of the plain "
            "membrane. Dashed: the threshold between caveolae and coated pits.",
        )
    yield from _stages(pits, open_neck_nm=open_neck_nm)
    yield from _ellipses(pits, of_class)
    if pits.sizes["pit"]:
        yield Figure(
            title="Where they are",
            wide=True,
            html=map_pits(pits),
            caption="Turn it with the mouse or a finger, zoom with the wheel, point at an object for its number and "
            "sizes; a click on the legend hides what it names. Positions are those of the acquisition.",
        )


def _lumens(pits: xr.Dataset, of_class: Mapping[str, Mask]) -> Iterator[Figure]:
    for name, column, mark_nm in (("Width", "width_nm", _PAPER_WIDTH_NM), ("Height", "height_nm", _PAPER_HEIGHT_NM)):
        values = {kind: pits[column].values[of_class[kind]] for kind in (PIT, CAVEOLA)}
        if _known(values):
            yield Figure(
                title=f"{name} of the lumen",
                html=figures.violins(values, label=f"{name.lower()} (nm)", marks={CAVEOLA: mark_nm}),
                caption=f"{_VIOLIN} Dashed: where the paper's caveolae are centred, {mark_nm:g} nm.",
            )
    known = np.isfinite(pits.width_profile_nm.values).any(axis=1)
    groups = {EARLY: pits.stage.values == EARLY, LATE: pits.stage.values == LATE, CAVEOLA: of_class[CAVEOLA]}
    widths = {name: pits.width_profile_nm.values[those & known] for name, those in groups.items()
              if (those & known).any()}  # fmt: skip
    if widths:
        yield Figure(
            title="Lumen in profile",
            html=figures.lumens(widths, pits.depth_nm.values),
            caption="Mean width of the lumen at each depth, drawn to scale about the axis; band: 10-90 % of objects. "
            "Dashed: the plane of the membrane.",
        )


def _stages(pits: xr.Dataset, *, open_neck_nm: float) -> Iterator[Figure]:
    pits = pits.isel(pit=(pits.stage.values != "") & np.isfinite(pits.neck_nm.values + pits.height_nm.values))
    if not pits.sizes["pit"]:
        return
    clustered = bool((pits.cluster.values != "").any())
    groups = pits.cluster.values if clustered else pits.stage.values
    colour = "its cluster by k-means on both" if clustered else "its stage, as there are too few to cluster"
    yield Figure(
        title="Height against neck",
        html=figures.height_against_neck(
            pits.neck_nm.values, pits.height_nm.values, groups=groups, open_neck_nm=open_neck_nm
        ),
        caption=f"A point per coated pit. Colour: {colour}. Dashed: a neck of {open_neck_nm:g} nm, which parts early "
        "from late.",
    )
    yield Figure(
        title="Heights of coated pits",
        caption=f"In bins of {figures.BIN_NM:g} nm.",
        html=figures.histogram(
            {name: pits.height_nm.values[pits.stage.values == name] for name in (EARLY, LATE)}, label="height (nm)"
        ),
    )


def _ellipses(pits: xr.Dataset, of_class: Mapping[str, Mask]) -> Iterator[Figure]:
    about = "Of the ellipse through the middle of membrane and coat; seen over at least 200 degrees."
    for title, column, label in (
        ("Major axis", "major_nm", "major axis (nm)"),
        ("Minor axis", "minor_nm", "minor axis (nm)"),
        ("Aspect ratio", "aspect_ratio", "major axis / minor axis"),
    ):
        values = {kind: pits[column].values[of_class[kind]] for kind in (PIT, VESICLE, SECRETORY)}
        if not _known(values):
            return
        yield Figure(title=title, html=figures.violins(values, label=label), caption=f"{about} {_VIOLIN}")
        if column == "major_nm":
            yield Figure(
                title="Distribution of major axes",
                html=figures.histogram(values, label=label),
                caption=f"The same in bins of {figures.BIN_NM:g} nm.",
            )


def _known(groups: figures.Groups) -> bool:
    return any(np.isfinite(values).any() for values in groups.values())


def counted(dataset: xr.Dataset) -> xr.Dataset:
    """``dataset`` without what a person rejected, and without the sizes that are not sure."""
    need_variables(dataset, *VARIABLES)
    return _sure(dataset.isel(pit=dataset.verdict.values != "reject"))


def _sure(pits: xr.Dataset) -> xr.Dataset:
    """``pits`` with NaN for what a flag says is not sure, unless a person gave it."""
    changed = {}
    for flag, columns in _UNSURE.items():
        raised = np.array([flag in flags.split() for flags in pits.flags.values], np.bool_)
        for column in columns:
            by_hand = np.array([column in names.split() for names in pits.by_hand.values], np.bool_)
            changed[column] = pits[column].where(pits.flags.copy(data=~raised | by_hand))
    return pits.assign(changed)
