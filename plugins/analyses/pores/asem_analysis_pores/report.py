"""The report of an analysis of pores: its numbers in words, figures, gallery and method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asem_analysis_pores import figures
from asem_analysis_pores.gallery import REASONS, gallery
from asem_analysis_pores.map3d import map_pores
from asem_core.reporting import Figure, Number, Report, need_variables

if TYPE_CHECKING:
    import xarray as xr

Statistics = Mapping[str, Any]

VARIABLES = (
    "status",
    "quality",
    "flags",
    "diameter_nm",
    "diameter_sd_nm",
    "lines",
    "contrast",
    "z_nm",
    "y_nm",
    "x_nm",
    "nucleus",
    "profile",
    "radius_nm",
    "enface",
    "v_nm",
    "u_nm",
    "membrane_nm",
    "angle_degrees",
    "centre_v_nm",
    "centre_u_nm",
)
"""What a report is made from."""
_UNLIKELY = 0.05


def report_pores(dataset: xr.Dataset) -> Report:
    """The report on what `measure_pores` found.

    Raises
    ------
    AsemError
        Another version wrote ``dataset``: a variable is missing.
    """
    need_variables(dataset, *VARIABLES)
    statistics: Statistics = dataset.attrs["statistics"]
    return Report(
        title="Diameters of nuclear pores",
        summary=tuple(_numbers(statistics, masks=dataset.sizes["pore"])),
        findings="\n".join(f"- {line}" for line in findings(statistics)),
        figures=tuple(_figures(dataset, statistics)),
        galleries=(gallery(dataset),) if dataset.sizes["pore"] else (),
        methods=Path(__file__).with_name("methods.md").read_text(encoding="utf-8"),
    )


def _numbers(found: Statistics, *, masks: int) -> Iterator[Number]:
    yield Number(label="pores measured", text=f"{found['pores']:,}", note=f"of {masks:,} found")
    if found["median_nm"] is None:
        return
    yield Number(label="median diameter", text=f"{found['median_nm']:.1f} nm")
    yield Number(label="10-90 % of pores", text=f"{found['p10_nm']:.0f}-{found['p90_nm']:.0f} nm")
    yield Number(label="smallest, largest", text=f"{found['min_nm']:.0f}, {found['max_nm']:.0f} nm")
    if found["sd_nm"] is not None:
        yield Number(
            label="standard deviation",
            text=f"{found['sd_nm']:.1f} nm",
            note=f"one measurement: {found['error_sd_nm']:g} nm",
        )
        yield Number(
            label="of one size?",
            text="possible" if found["one_size"] else "no",
            note=f"Kolmogorov-Smirnov {_p(found['ks_one_sample_p'])}",
        )


def findings(found: Statistics) -> Iterator[str]:
    """What the statistics say, in sentences."""
    left_out = [f"{REASONS.get(name, name)} ({count:,})" for name, count in found["status"].items()
                if count and name != "measured"]  # fmt: skip
    if left_out:
        yield f"Not measured: {', '.join(left_out)}."
    if not found["pores"]:
        yield "**No pore was measured**, so there is nothing to draw."
        return
    if found["one_size"] is None:
        yield "There are too few pores to test whether they are of one size."
    else:
        verdict = "may all be of one size" if found["one_size"] else "are **not of one size**"
        yield (
            f"The pores {verdict}: against a normal distribution at their median with a standard deviation of "
            f"{found['null_sd_nm']:.1f} nm, Kolmogorov-Smirnov D = {found['ks_one_sample_d']:.2f}, "
            f"{_p(found['ks_one_sample_p'])}; against as many draws from it D = {found['ks_d']:.2f}, "
            f"{_p(found['ks_p'])}."
        )
    if found["shapiro_p"] is not None:
        normal = found["shapiro_p"] >= _UNLIKELY
        verdict = "do not differ from a normal distribution" if normal else "are **not normally distributed**"
        yield (
            f"The diameters {verdict} (Shapiro-Wilk W = {found['shapiro_w']:.3f}, {_p(found['shapiro_p'])}); "
            f"skew {found['skew']:.2f}."
        )
    if found["moran_i"] is None:
        yield "There are too few pores to test whether neighbours are alike."
    else:
        alike = "more alike" if found["moran_i"] > 0 else "less alike"
        by_chance = found["moran_p"] >= _UNLIKELY
        verdict = "are not more or less alike than by chance" if by_chance else f"are **{alike}** than by chance"
        clustered = found["clustered"]
        yield (
            f"Diameters of neighbours {verdict}: Moran's I = {found['moran_i']:.3f}, {_p(found['moran_p'])}. "
            f"{clustered or 'No'} pore{'' if clustered == 1 else 's'} in clusters of wide or narrow ones."
        )


def _p(value: float) -> str:
    return "p < 0.0001" if value < 1e-4 else f"p = {value:.2g}"


def _figures(dataset: xr.Dataset, found: Statistics) -> Iterator[Figure]:
    if not dataset.sizes["pore"]:
        return
    pores = dataset.isel(pore=dataset.status.values == "measured")
    if pores.sizes["pore"]:
        yield from _distribution(pores.diameter_nm.values, found)
    yield Figure(
        title="Where they are",
        wide=True,
        html=map_pores(dataset),
        caption="Turn it with the mouse or a finger, zoom with the wheel, point at a pore for its number and diameter; "
        "a click on the legend hides what it names. Grey: the surface through the pores of each nucleus. Positions are "
        "those of the acquisition.",
    )
    if pores.sizes["pore"]:
        yield from _profiles(pores)
        yield from _trust(pores)


def _profiles(pores: xr.Dataset) -> Iterator[Figure]:
    grey, radius = pores.profile.values, pores.radius_nm.values
    yield Figure(
        title="Radial profile",
        html=figures.profile(grey, radius, "radius (nm)"),
        caption="Mean grey on circles around each pore's centre; band: 10-90 % of the pores.",
    )
    across, aligned = figures.aligned(grey, radius, pores.diameter_nm.values)
    yield Figure(
        title="Across the membrane",
        html=figures.profile(aligned, across, "from the membrane, outwards (nm)"),
        caption="The same, aligned on each pore's membrane, at half its diameter. Blur draws its darkest point in, "
        "which the diameter is corrected for.",
    )


def _trust(pores: xr.Dataset) -> Iterator[Figure]:
    """Whether the diameter depends on how well it was measured."""
    diameters, good = pores.diameter_nm.values, pores["quality"].values == "good"
    spread = pores.diameter_sd_nm.values
    yield Figure(
        title="Diameter and number of lines",
        html=figures.scatter(diameters, pores.lines.values, "lines from membrane to membrane", good=good),
        caption="One point per pore: how many of the lines found the membrane on both sides.",
    )
    yield Figure(
        title="Diameter and spread over the lines",
        html=figures.scatter(diameters, spread, "standard deviation over the lines (nm)", good=good),
        caption="One point per pore. Uneven pores spread, and pores whose lines met something else.",
    )


def _distribution(diameters: np.ndarray[Any, np.dtype[np.float64]], found: Statistics) -> Iterator[Figure]:
    spread = found["null_sd_nm"]
    caption = f"Bins of {figures.BIN_NM:g} nm."
    if spread is not None:
        caption += (
            f" Lines: as many pores of one size, measured with an error of {spread:.1f} nm. Solid: at the median, "
            "which the tests compare with. Dotted: at the most abundant diameter, the other reading of the paper."
        )
    yield Figure(
        title="Diameters",
        caption=caption,
        html=figures.histogram(diameters, median_nm=found["median_nm"], null_sd_nm=spread),
    )
    if spread is not None:
        yield Figure(
            title="Against one size",
            html=figures.cumulative(diameters, median_nm=found["median_nm"], null_sd_nm=spread),
            caption="Share of pores up to each diameter. The largest distance between the two, up or down, is "
            f"Kolmogorov and Smirnov's D = {found['ks_one_sample_d']:.2f}.",
        )
