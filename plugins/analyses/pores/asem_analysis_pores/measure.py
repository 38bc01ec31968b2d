"""The order of the work: masks, axes, one measurement per pore, statistics, table (method: Gallusser et al. 2022)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_analysis_pores.masks import Masks, merge_fragments, off_surface, small_masks
from asem_analysis_pores.normals import Axes, pore_axes
from asem_analysis_pores.params import Pores
from asem_analysis_pores.pore import Measured, measure_pore
from asem_analysis_pores.spatial import nearest_distance, spatial_correlation
from asem_analysis_pores.statistics import describe
from asem_analysis_pores.table import make_table
from asem_core.analysis import View, middle, number_objects, sum_blocks
from asem_core.blocks import map_blocks
from asem_core.errors import AsemError
from asem_core.geometry import Box, centre_of_first_voxel

if TYPE_CHECKING:
    import xarray as xr

Texts = npt.NDArray[np.str_]


def measure_pores(view: View, *, params: Pores) -> xr.Dataset:
    """The diameter of every pore of ``view``, nm.

    Returns
    -------
    xarray.Dataset
        One row per ``pore``: every mask, after fragments are merged, with its ``status``. ``attrs["statistics"]`` holds
        counts, the distribution of the diameters and the tests. `docs/pores.md` explains the columns.
    """
    if view.raw is None:
        raise AsemError("the analysis pores measures in raw: give it")
    masks = find_masks(view, params)
    status = judge(masks, params)
    present = (status == "") | (status == "cut")
    axes = _axes(masks, present, params)
    started = time.perf_counter()
    pores = _measure_all(view, masks, axes, np.flatnonzero(status == ""), params)
    seconds = time.perf_counter() - started
    status = np.array(
        [_status(before, pores.get(row), axes.source[row], params) for row, before in enumerate(status)], "U12"
    )
    statistics, cluster = _statistics(masks, pores, status, params)
    nearest = np.full(len(masks), np.nan)
    nearest[present] = nearest_distance(masks.centre_nm[present])
    found = make_table(
        masks, axes, pores, status=status, cluster=cluster, nearest_nm=nearest, raw=view.raw, params=params
    )
    return found.assign_attrs(statistics=statistics, notes=_notes(statistics, seconds, len(pores)))


REASONS = ("cut", "small", "outlier")
"""Why a mask is not measured: a face of the volume cuts it; too small to be a whole pore; far from the envelope."""
FAILURES = ("few lines", "no membrane", "blur unknown", "axis unsure", "no raw")
"""Why a pore could not be measured: the membrane is seen in too few directions; what is seen is no ring that is darker
than its surroundings; how far blur has moved the membrane cannot be told; the surface of the envelope does not tell the
axis, and the ring is not whole in the plane that another axis gave; there is no raw around it."""


def find_masks(view: View, params: Pores) -> Masks:
    """The masks of ``view`` in nm, fragments merged."""
    instances = number_objects(view)
    sums = sum_blocks(view, instances)
    size = np.array(view.voxel_size.zyx)
    origin = np.array(centre_of_first_voxel(view.objects.lower_edge_nm, view.voxel_size))
    masks = Masks(
        volume_nm3=np.asarray(sums.voxels * view.voxel_size.volume_nm3, np.float64),
        centre_nm=origin + (sums.centre + middle(view.objects.shape)) * size,
        covariance_nm2=sums.covariance * np.outer(size, size) + np.diag(size**2 / 12),
        at_border=(sums.low == 0).any(axis=1) | (sums.high == view.objects.shape).any(axis=1),
        parts=np.ones(len(instances), np.int64),
    )
    return merge_fragments(masks, params.merge_nm)


def judge(masks: Masks, params: Pores) -> Texts:
    """Per mask one of `REASONS`, or ``""`` where it is a pore to measure."""
    status = np.full(len(masks), "", "U11")
    status[small_masks(masks, min_volume=params.min_volume, min_axis=params.min_axis)] = "small"
    status[masks.at_border] = "cut"
    whole = np.flatnonzero(status != "small")
    off = off_surface(
        masks.centre_nm[whole], neighbours=params.neighbours, mad=params.outlier_mad, steepness=params.outlier_steepness
    )
    status[whole[off]] = "outlier"
    return status


def _axes(masks: Masks, present: npt.NDArray[np.bool_], params: Pores) -> Axes:
    """Axes of all masks; those that are no pores, or not on the envelope, have the axis of their mask."""
    shortest = masks.axes[1]
    of = pore_axes(masks.centre_nm[present], mask_axis=shortest[present], neighbours=params.neighbours)
    normal, nucleus, source = np.array(shortest), np.full(len(masks), -1), np.full(len(masks), "mask", object)
    normal[present], nucleus[present], source[present] = of.normal, of.nucleus, of.source
    return Axes(normal=normal, source=tuple(source), nucleus=nucleus)


def _measure_all(
    view: View, masks: Masks, axes: Axes, rows: npt.NDArray[np.intp], params: Pores
) -> dict[int, Measured | None]:
    raw = view.raw
    assert raw is not None
    index = (masks.centre_nm - np.array(raw.lower_edge_nm)) / np.array(raw.voxel_size.zyx)
    of_box: dict[Box, list[int]] = {}
    for row in rows:
        start = np.floor(index[row]).astype(int)
        of_box.setdefault(Box(start, start + 1), []).append(int(row))

    def measure(box: Box) -> dict[int, Measured | None]:
        return {
            row: measure_pore(raw, masks.centre_nm[row], normal=axes.normal[row], params=params) for row in of_box[box]
        }

    found: dict[int, Measured | None] = {}
    for part in map_blocks(measure, list(of_box), sweep="measuring pores", progress=view.progress):
        found.update(part)
    return found


def _statistics(
    masks: Masks, pores: Mapping[int, Measured | None], status: Texts, params: Pores
) -> tuple[dict[str, Any], Texts]:
    """Counts and tests, and the cluster that each mask is in."""
    measured = np.flatnonzero(status == "measured")
    diameters = np.array([pore.diameter_nm for row in measured if (pore := pores[int(row)])])
    correlation = spatial_correlation(
        masks.centre_nm[measured],
        diameters,
        neighbours=params.neighbours,
        permutations=params.permutations,
        rng=np.random.default_rng(params.seed),
    )
    cluster = np.full(len(masks), "", "U6")
    if correlation:
        cluster[measured] = correlation.cluster
    statistics = {
        "status": {name: int((status == name).sum()) for name in (*REASONS, *FAILURES, "measured")},
        "fragments_merged": int((masks.parts - 1).sum()),
        **describe(diameters, error_sd_nm=params.error_sd_nm, rng=np.random.default_rng(params.seed)),
        "moran_i": correlation and correlation.moran_i,
        "moran_p": correlation and correlation.p,
        "clustered": correlation and int((correlation.cluster != "").sum()),
    }
    return statistics, cluster


def _status(before: str, pore: Measured | None, axis_from: str, params: Pores) -> str:
    if before:
        return before
    if pore is None:
        return "no raw"
    if pore.lines < params.min_lines:
        return "few lines"
    if pore.contrast < params.min_contrast:
        return "no membrane"
    if np.isnan(pore.shift_nm):
        return "blur unknown"
    return "axis unsure" if axis_from != "surface" and pore.lines < params.lines else "measured"


def _notes(statistics: dict[str, Any], seconds: float, tried: int) -> list[str]:
    """What the command line prints."""
    others = ", ".join(f"{n} {name}" for name, n in statistics["status"].items() if n and name != "measured")
    count = statistics["pores"]
    notes = [f"{count} pore{'' if count == 1 else 's'} measured" + (f"; not measured: {others}" if others else "")]
    if statistics["fragments_merged"]:
        notes.append(f"fragments that were merged with the pore that they belong to: {statistics['fragments_merged']}")
    if count == 1:
        notes.append(f"diameter: {statistics['median_nm']:.1f} nm")
    elif count:
        notes.append(
            f"diameter: median {statistics['median_nm']:.1f} nm, 10-90 % {statistics['p10_nm']:.1f} to "
            f"{statistics['p90_nm']:.1f} nm"
        )
    if statistics["one_size"] is not None:
        verdict = "explain" if statistics["one_size"] else "do not explain"
        notes.append(
            f"one size and an error of {statistics['null_sd_nm']:.1f} nm {verdict} the diameters (Kolmogorov-Smirnov, "
            f"one sample: D = {statistics['ks_one_sample_d']:.2f}, p = {statistics['ks_one_sample_p']:.2g})"
        )
    if statistics["moran_i"] is not None:
        notes.append(
            f"diameters of neighbours: Moran's I = {statistics['moran_i']:.3f}, p = {statistics['moran_p']:.2g}; "
            f"{statistics['clustered']} pores in clusters"
        )
    if tried:
        notes.append(f"{1000 * seconds / tried:.0f} ms per pore")
    return notes
