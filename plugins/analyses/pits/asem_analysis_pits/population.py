"""All objects together: what each is, given the others and what a person said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asem_analysis_pits.classes import PIT, classify, clusters, coat_threshold, stages
from asem_analysis_pits.params import Pits
from asem_analysis_pits.review import Answer

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.float64]


def classify_all(dataset: xr.Dataset, answered: Mapping[int, Answer], *, edge_nm: float, params: Pits) -> xr.Dataset:
    """With classes, stages and clusters, after what a person said. Rejected objects set no threshold.

    ``edge_nm`` is the longest edge of a voxel.
    """
    touch_nm = params.touch_voxels * edge_nm
    said = [answered.get(int(pit)) for pit in dataset.pit.values]
    rejected = np.array([answer is not None and answer.verdict == "reject" for answer in said], np.bool_)
    at = dataset.distance_nm.values <= touch_nm
    coat = coat_threshold(dataset.enhancement.values[at & ~rejected]) if params.coat is None else params.coat
    kinds = classify(
        dataset.distance_nm.values, dataset.enhancement.values, touch_nm=touch_nm, near_nm=params.near_nm, coat=coat
    )
    kinds[["too-long" in flags for flags in dataset.flags.values.tolist()]] = ""
    neck, height = (_said(dataset[name].values, said, name) for name in ("neck_nm", "height_nm"))
    final = np.array([a.kind if a and a.kind else kind for a, kind in zip(said, kinds, strict=True)], kinds.dtype)
    pits = (final == PIT) & ~rejected
    neck_of_pits, height_of_pits = np.where(pits, neck, np.nan), np.where(pits, height, np.nan)
    columns = {
        "class": final,
        "measured_class": kinds,
        "neck_nm": neck,
        "measured_neck_nm": dataset.neck_nm.values,
        "neck_open": np.select([neck >= edge_nm, neck < edge_nm], ["yes", "no"], ""),
        "height_nm": height,
        "measured_height_nm": dataset.height_nm.values,
        "stage": stages(neck_of_pits, open_neck_nm=params.open_neck_nm),
        "cluster": clusters(neck_of_pits, height_of_pits),
        "verdict": np.array([a.verdict if a else "" for a in said], "<U6"),
        "by_hand": np.array([_by_hand(a) for a in said], "<U23"),
    }
    found = dataset.assign({
        name: ("pit", values, {"units": "nanometer" if name.endswith("_nm") else "1"})
        for name, values in columns.items()
    })  # fmt: skip
    first = ["class", "verdict", "stage", "cluster", "enhancement"]
    return found[[*first, *(name for name in found.data_vars if name not in first)]].assign_attrs(coat_threshold=coat)


def _said(measured: Floats, said: Sequence[Answer | None], name: str) -> Floats:
    """What was measured, replaced by what a person gave."""
    given = [getattr(answer, name) if answer else None for answer in said]
    return np.array([m if g is None else g for m, g in zip(measured, given, strict=True)], np.float64)


def _by_hand(answer: Answer | None) -> str:
    """Which columns are a person's."""
    if answer is None:
        return ""
    given = {"class": answer.kind or None, "neck_nm": answer.neck_nm, "height_nm": answer.height_nm}
    return " ".join(name for name, value in given.items() if value is not None)
