"""The page of `asem report` about contacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from asem_core.reporting import BLUE, Figure, Number, Report, need_variables, new_figure, picture

_METHODS = """\
Two objects are in contact where their surfaces are at most the stated distance apart. The distance of a face of a voxel
is that from the centre of the voxel outside it to the centre of the nearest voxel of the other organelle, which between
planes is the distance of the surfaces. Area is the sum of the faces of the first organelle, each projected along the
normal of the surface (Coeurjolly et al. 2003), whose nearest object is the other one and whose normal is within 60
degrees of the way to it. A site is a connected patch of such faces (26-connected).
"""


def report_contacts(dataset: xr.Dataset) -> Report:
    """Numbers per other organelle, and how large and how near contacts are."""
    need_variables(dataset, "area_nm2", "distance_nm", "other")
    statistics = dataset.attrs["statistics"]
    numbers = [number for name, found in statistics.items() for number in _numbers(name, found)]
    return Report(
        title="Contact sites",
        summary=tuple(numbers),
        figures=tuple(_figures(dataset)) if dataset.sizes["contact"] else (),
        methods=_METHODS,
    )


def _numbers(name: str, found: Mapping[str, Any]) -> list[Number]:
    share = found["share_in_contact"]
    return [
        Number(label=f"contacts with {name}", text=f"{found['contacts']:,}", note=f"in {found['sites']:,} sites"),
        Number(label=f"area of contact with {name}", text=f"{found['area_nm2'] / 1e6:.4g} um2"),
        Number(
            label=f"objects that touch {name}",
            text="none to count" if share is None else f"{share:.0%}",
            note=f"{found['objects_in_contact']:,} of {found['objects']:,}",
        ),
    ]


def _figures(dataset: xr.Dataset) -> list[Figure]:
    return [
        Figure(title=title, caption=caption, html=_histogram(values, label=label))
        for title, caption, values, label in (
            ("Area", "Of the contact of every pair of objects.", dataset.area_nm2.values, "area (nm2)"),
            ("Distance", "Least distance of every pair of objects.", dataset.distance_nm.values, "distance (nm)"),
        )
    ]


def _histogram(values: npt.NDArray[np.float64], *, label: str) -> str:
    figure, (axes,) = new_figure()
    axes.hist(values, bins=20, color=BLUE)
    axes.set_xlabel(label)
    axes.set_ylabel("pairs of objects")
    return picture(figure, f"Histogram: {label}")
