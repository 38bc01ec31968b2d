"""The order of the work, and the table."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_core.analysis.instances import Numbered, number_objects
from asem_core.analysis.objects.blocks import Sums, middle, sum_blocks
from asem_core.analysis.objects.nearest import nearest, surface_pieces
from asem_core.analysis.objects.params import Objects
from asem_core.analysis.objects.shape import principal_axes, sphericity
from asem_core.analysis.objects.skeleton import Skeleton, measure_skeleton
from asem_core.analysis.view import View
from asem_core.blocks.executors import map_blocks
from asem_core.blocks.fill import produce
from asem_core.blocks.job import Job, run
from asem_core.geometry import AXES, Box, centre_of_first_voxel, triple
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan
from asem_core.volume.provenance import provenance

if TYPE_CHECKING:
    import xarray as xr

INSTANCES = "instances.zarr"
Columns = dict[str, npt.NDArray[Any]]


def measure_objects(view: View, *, params: Objects) -> xr.Dataset:
    """Size, shape, skeleton and neighbours of every object of ``view``; nm.

    Returns
    -------
    xarray.Dataset
        One row per ``object``: its label, or for probabilities and plain masks its number among the connected
        components, in the order of their first voxels. `docs/analyze.md` explains the columns. ``attrs["statistics"]``:
        counts and sums.
    """
    import xarray as xr

    smallest = math.ceil(params.min_volume_nm3 / view.voxel_size.volume_nm3 - 1e-9)
    instances = number_objects(view, min_voxels=smallest)
    others = {name: number_objects(other, min_voxels=smallest) for name, other in view.others.items()}
    sums = sum_blocks(view, instances, others=list(others.values()), contact_nm=params.contact_nm)
    columns = {
        **_sizes(view, sums),
        **_skeletons(view, instances, sums, params),
        **_neighbours(view, instances, sums, others),
    }
    if params.instances:
        _write_instances(view, instances)
    notes = []
    if instances.left_out:
        notes.append(f"objects below {params.min_volume_nm3:g} nm^3, left out: {instances.left_out:,}")
    found = xr.Dataset({name: ("object", values) for name, values in columns.items()}, {"object": instances.ids})
    for name in found.data_vars:
        unit = next((unit for unit in ("nm3", "nm2", "nm") if str(name).endswith(f"_{unit}")), None)
        found[name].attrs["units"] = {"nm": "nanometer", "nm2": "nanometer^2", "nm3": "nanometer^3", None: "1"}[unit]
    statistics = {
        "objects": len(instances), "left_out": instances.left_out,
        "touching_border": int(columns["touches_border"].sum()),
        "volume_nm3": float(columns["volume_nm3"].sum()), "surface_nm2": float(columns["surface_nm2"].sum()),
    }  # fmt: skip
    return found.assign_attrs(statistics=statistics, notes=notes)


def _sizes(view: View, sums: Sums) -> Columns:
    size = np.array(view.voxel_size.zyx)
    origin = np.array(centre_of_first_voxel(view.objects.lower_edge_nm, view.voxel_size))
    centre = origin + (sums.centre + middle(view.objects.shape)) * size
    axes = principal_axes(sums.covariance, voxel_size=view.voxel_size)
    volume = np.asarray(sums.voxels * view.voxel_size.volume_nm3, np.float64)
    at_border = (sums.low == 0).any(axis=1) | (sums.high == view.objects.shape).any(axis=1)
    longest, _, shortest = np.moveaxis(axes.direction, 1, 0)
    return {
        "voxels": sums.voxels,
        "volume_nm3": volume,
        "surface_nm2": sums.surface_nm2,
        "sphericity": np.where(at_border, np.nan, sphericity(volume, sums.surface_nm2)),
        "touches_border": at_border,
        **_per_axis("", "_nm", centre),
        **{f"axis{n}_nm": axes.length_nm[:, n - 1] for n in (1, 2, 3)},
        **_per_axis("axis1_", "", longest),
        **_per_axis("axis3_", "", shortest),
    }


def _per_axis(before: str, after: str, values: npt.NDArray[np.float64]) -> Columns:
    return {f"{before}{axis}{after}": values[:, column] for column, axis in enumerate(AXES)}


def _skeletons(view: View, instances: Numbered, sums: Sums, params: Objects) -> Columns:
    """NaN for objects whose box is too large; no columns where none is asked for."""
    if not params.skeleton:
        return {}
    boxes = [Box(low, high) for low, high in zip(sums.low, sums.high, strict=True)]
    small = [row for row, box in enumerate(boxes) if box.size <= params.skeleton_max_voxels]
    of_box: dict[Box, list[int]] = {}
    for row in small:
        of_box.setdefault(boxes[row], []).append(row)

    def thin(box: Box) -> dict[int, Skeleton]:
        found, ends = instances.read(box), zip(box.start, box.stop, view.objects.shape, strict=True)
        z, y, x = ((start == 0, stop == size) for start, stop, size in ends)
        return {
            row: measure_skeleton(found == row + 1, voxel_size=view.voxel_size, cut=(z, y, x)) for row in of_box[box]
        }

    measured: dict[int, Skeleton] = {}
    for part in map_blocks(thin, list(of_box), sweep="skeletons", progress=view.progress):
        measured.update(part)
    columns: Columns = {"skeleton_measured": np.array([row in measured for row in range(len(boxes))], np.bool_)}
    for name in ("length_nm", "branches", "junctions", "ends", "loops"):
        values = [float(getattr(measured[row], name)) if row in measured else math.nan for row in range(len(boxes))]
        columns[f"skeleton_{name}"] = np.array(values, np.float64)
    return columns


def _neighbours(view: View, instances: Numbered, sums: Sums, others: Mapping[str, Numbered]) -> Columns:
    with tempfile.TemporaryDirectory(dir=view.scratch) as name:
        folder = Path(name)
        mine = surface_pieces(view, instances, folder / "mine", name="objects")
        common: Mapping[str, Any] = {
            "count": len(instances), "voxel_size": view.voxel_size, "progress": view.progress,
        }  # fmt: skip
        found = nearest(mine, mine, sweep="nearest neighbours", **common)
        columns: Columns = {"nearest": _ids(instances, found.number), "nearest_nm": found.distance_nm}
        for place, (other, theirs) in enumerate(others.items()):
            pieces = surface_pieces(view.others[other], theirs, folder / f"other_{place}", name=other)
            found = nearest(mine, pieces, sweep=f"nearest {other}", **common)
            columns[f"nearest_{other}"] = _ids(theirs, found.number)
            columns[f"nearest_{other}_nm"] = found.distance_nm
            columns[f"contact_{other}_nm2"] = sums.contact_nm2[:, place]
    return columns


def _ids(instances: Numbered, number: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], instances.ids])[number]


def _write_instances(view: View, instances: Numbered) -> None:
    ids = np.concatenate([[0], instances.ids])
    dtype = np.uint32 if ids.max() < 2**32 else np.uint64
    chunk = triple([min(b, n) for b, n in zip(view.block, view.objects.shape, strict=True)])
    plan = OmePlan(
        image=ArrayPlan(shape=view.objects.shape, dtype=np.dtype(dtype).name, chunk=chunk, reduction="mode"),
        voxel_size=view.voxel_size,
        lower_edge_nm=view.objects.lower_edge_nm,
    )
    fill = produce(
        lambda _: lambda box: {IMAGE: ids[instances.read(box)].astype(dtype)},
        sweep="writing instances",
        block=view.block,
        plan=plan,
    )
    about = provenance("asem analyze objects", view.objects, threshold=view.threshold, kind=view.kind)
    run(
        Job(
            verb="asem analyze objects",
            destination=view.output / INSTANCES,
            plan=plan,
            fill=fill,
            inputs={"objects": view.objects},
            settings={"threshold": view.threshold, "kind": view.kind},
            provenance=about,
        ),
        progress=view.progress,
    )
