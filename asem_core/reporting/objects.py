"""The report of ``asem analyze objects``: sizes, shapes, skeletons, neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asem_core.reporting.figures import BLUE, new_figure, picture, table
from asem_core.reporting.needs import need_variables
from asem_core.reporting.parts import Figure, Number, Report
from asem_core.reporting.plain import number_text
from asem_core.reporting.shapes import contact_figure, shape_figures

if TYPE_CHECKING:
    import xarray as xr

Double = npt.NDArray[np.float64]

_LARGEST = 20
_BINS = 30
_UM3, _UM2, _UM = 1e9, 1e6, 1e3
_CENTRES = "Between the nearest voxels, centre to centre."


def report_objects(dataset: xr.Dataset) -> Report:
    """The report on what `asem_core.analysis.objects.analysis.measure_objects` found.

    Raises
    ------
    AsemError
        Another version wrote ``dataset``: a variable is missing.
    """
    need_variables(dataset, "volume_nm3", "surface_nm2", "sphericity", "touches_border", "nearest_nm")
    return Report(
        title="Objects",
        summary=tuple(_numbers(dataset)),
        findings="" if dataset.sizes["object"] else "**No object was found**, so there is nothing to draw.",
        figures=tuple(_figures(dataset)) if dataset.sizes["object"] else (),
        methods=Path(__file__).with_name("objects.md").read_text(encoding="utf-8"),
    )


def _numbers(objects: xr.Dataset) -> Iterator[Number]:
    cut = int(objects.touches_border.sum())
    yield Number(label="objects", text=f"{objects.sizes['object']:,}", note=f"{cut:,} cut by a face of the volume")
    if not objects.sizes["object"]:
        return
    yield Number(label="volume of all", text=f"{number_text(float(objects.volume_nm3.sum()) / _UM3)} µm³")
    yield Number(label="surface of all", text=f"{number_text(float(objects.surface_nm2.sum()) / _UM2)} µm²")
    yield Number(label="median volume", text=f"{number_text(float(objects.volume_nm3.median()) / _UM3)} µm³")
    for name in _others(objects):
        touching = int((objects[f"contact_{name}_nm2"] > 0).sum())
        yield Number(label=f"in contact with {name}", text=f"{touching:,}")


def _others(objects: xr.Dataset) -> list[str]:
    """Names of the other organelles whose contact was measured."""
    columns = [str(name) for name in objects.data_vars if str(name).startswith("contact_")]
    return [name.removeprefix("contact_").removesuffix("_nm2") for name in columns]


def _figures(objects: xr.Dataset) -> Iterator[Figure]:
    whole = "Objects that a face of the volume cuts count too, as far as they are seen."
    shown = [
        ("Volume", "volume_nm3", _UM3, "volume (µm³)", True, whole),
        ("Surface", "surface_nm2", _UM2, "surface (µm²)", True, f"Without the faces where the volume ends. {whole}"),
        ("Sphericity", "sphericity", 1, "sphericity", False, "1 is a ball. Only objects that are whole."),
        ("Skeleton", "skeleton_length_nm", _UM, "length (µm)", True, "All branches together; a point has none."),
        ("Nearest neighbour", "nearest_nm", 1, "distance (nm)", True, _CENTRES),
    ]
    for name in _others(objects):
        shown += [
            (f"Distance to {name}", f"nearest_{name}_nm", 1, "distance (nm)", False, _CENTRES),
            (f"Contact with {name}", f"contact_{name}_nm2", _UM2, "surface (µm²)", True, "Only objects in contact."),
        ]  # fmt: skip
    for title, column, unit, label, log, caption in shown:
        if column in objects:
            values = np.asarray(objects[column].values, np.float64) / unit
            values = values[np.isfinite(values) & ((values > 0) | (not log))]
            if len(values) > 1:
                html = histogram(values, label, log=log)
                yield Figure(title=title, html=html, caption=f"{len(values):,} objects. {caption}")
    yield from shape_figures(objects)
    for name in _others(objects):
        yield from contact_figure(objects, name)
    yield _largest(objects)


def histogram(values: Double, label: str, *, log: bool) -> str:
    """Counts of two or more ``values``, no NaN; with ``log`` in bins of equal ratio."""
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = new_figure()
    low, high = values.min(), values.max()
    if low == high:
        bins = np.array([0.9 * low, 1.1 * low]) if low else np.array([-0.5, 0.5])
    else:
        bins = np.geomspace(low, high, _BINS + 1) if log else np.linspace(low, high, _BINS + 1)
    axes.hist(values, bins.tolist(), color=BLUE, edgecolor="white", linewidth=0.5)
    if log and low < high:
        axes.set_xscale("log")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(label)
    axes.set_ylabel("objects")
    return picture(figure, f"Histogram of {len(values)} objects: {label}")


def _largest(objects: xr.Dataset) -> Figure:
    order = np.argsort(-objects.volume_nm3.values, kind="stable")[:_LARGEST]
    columns = [
        ("volume (µm³)", "volume_nm3", _UM3), ("surface (µm²)", "surface_nm2", _UM2), ("sphericity", "sphericity", 1),
        ("skeleton (µm)", "skeleton_length_nm", _UM), ("branches", "skeleton_branches", 1), ("z (nm)", "z_nm", 1),
        ("y (nm)", "y_nm", 1), ("x (nm)", "x_nm", 1),
    ]  # fmt: skip
    known = [column for column in columns if column[1] in objects]
    values = {name: objects[name].values[order] / unit for _, name, unit in known}
    cut = objects.touches_border.values[order]
    rows = [
        [
            f"{number}\N{NO-BREAK SPACE}(cut)" if cut[row] else str(number),
            *(number_text(float(values[name][row])) for _, name, _ in known),
        ]
        for row, number in enumerate(objects.object.values[order])
    ]
    return Figure(
        title="The largest objects",
        wide=True,
        caption="Positions are centroids in the frame of the acquisition. (cut): a face of the volume cuts the object.",
        html=table(["object", *(title for title, _, _ in known)], rows),
    )
