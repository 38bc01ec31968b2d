"""The page of `asem report` about contacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from asem_core.draw import hex_colour, organelle_colour
from asem_core.reporting import GREY, Figure, Number, Report, need_variables, new_figure, picture

_UM2 = 1e6

_METHODS = """\
Two objects are in contact where their surfaces are at most the stated distance apart. The distance of a face of a
voxel is that from the centre of the voxel outside it to the centre of the nearest voxel of the other organelle (of
several as near, of that along the normal the most), which between planes is the distance of the surfaces. Area is the
sum of the faces of the first organelle, each projected along the normal of the surface (Coeurjolly et al. 2003), whose
nearest object is the other one and whose normal is within 60 degrees of the way to it. A site is a connected patch of
such faces (26-connected).
"""


def report_contacts(dataset: xr.Dataset) -> Report:
    """Numbers per other organelle, and how large and how near contacts are."""
    need_variables(dataset, "object", "other", "area_nm2", "distance_nm", "sites")
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
        Number(label=f"area of contact with {name}", text=f"{found['area_nm2'] / _UM2:.4g} µm²"),
        Number(
            label=f"objects that touch {name}",
            text="none to count" if share is None else f"{share:.0%}",
            note=f"{found['objects_in_contact']:,} of {found['objects']:,}",
        ),
    ]


def _figures(dataset: xr.Dataset) -> Iterator[Figure]:
    for name, found in dataset.attrs["statistics"].items():
        own = dataset.isel(contact=dataset.other.values == name)
        if not own.sizes["contact"]:
            continue
        without = found["objects"] - found["objects_in_contact"]
        yield Figure(
            title=f"Contacts with {name}",
            caption=f"Of {found['objects']:,} objects. Left: contact of each with all of {name} together. Middle: "
            f"separate patches of that; grey: the {without:,} that have none. Right: the least distance of every pair.",
            html=_contacts(own, name, without=without),
            wide=True,
        )


def _contacts(contacts: xr.Dataset, name: str, *, without: int) -> str:
    """Area and sites per object, and distance per pair."""
    from matplotlib.ticker import MaxNLocator

    colour = hex_colour(organelle_colour(name))
    area, sites = per_object(contacts)
    figure, (left, middle, right) = new_figure(3, width_in=9.8)
    if len(shown := area[area > 0] / _UM2):
        bins = np.geomspace(0.99 * shown.min(), 1.01 * shown.max(), 21).tolist()
        left.hist(shown, bins, color=colour, edgecolor="white", linewidth=0.5)
        left.set_xscale("log")
    left.set(xlabel=f"area in contact with {name} (µm²)", ylabel="objects")
    counts = np.bincount(sites)
    counts[0] = without
    middle.bar(np.arange(len(counts)), counts, color=[GREY, *[colour] * (len(counts) - 1)])
    middle.xaxis.set_major_locator(MaxNLocator(integer=True))
    middle.set(xlabel="contact sites", ylabel="objects")
    distance = contacts.distance_nm.values
    right.hist(
        distance, np.linspace(0, max(distance.max(), 1.0), 21).tolist(), color=colour, edgecolor="white", linewidth=0.5
    )
    right.set(xlabel="distance (nm)", ylabel="pairs of objects")
    for axes in (left, middle, right):
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return picture(figure, f"Histograms of {len(area)} objects in contact with {name}: area, sites, distance")


def per_object(contacts: xr.Dataset) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Area in nm2 and sites of every object that has contacts, of all its ``contacts`` together."""
    _, which = np.unique(contacts.object.values, return_inverse=True)
    area = np.bincount(which, weights=contacts.area_nm2.values).astype(np.float64)
    return area, np.bincount(which, weights=contacts.sites.values).astype(np.int64)
