"""The analysis ``pits``: find, measure one by one, classify together, apply the review."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from asem_analysis_pits.classes import CLASSES, EARLY, LATE
from asem_analysis_pits.crop import read_crop
from asem_analysis_pits.measure import Measured, measure_object
from asem_analysis_pits.objects import find_boxes
from asem_analysis_pits.params import Pits
from asem_analysis_pits.population import classify_all
from asem_analysis_pits.review import FILE, Answer, fingerprint, match, read_review, write_review
from asem_analysis_pits.table import row_of, to_dataset
from asem_core.analysis import Numbered, View, number_objects
from asem_core.blocks import map_blocks
from asem_core.geometry import Box

if TYPE_CHECKING:
    import xarray as xr


def measure_pits(view: View, *, params: Pits) -> xr.Dataset:
    """Class and size of every coated pit, coated vesicle and caveola of ``view``; nm.

    Parameters
    ----------
    view
        Objects, with ``raw`` and ``cell_mask``.

    Returns
    -------
    xarray.Dataset
        One row per ``pit``; `docs/pits.md` explains the columns. ``attrs["statistics"]``: counts without what was
        rejected, and the threshold of the coat. The table ``review.csv`` is written beside it.

    Raises
    ------
    AsemError
        The review is not a table of this analysis, or is of other objects.

    Notes
    -----
    Memory: per thread the surroundings of one object, ``params.near_nm`` and 50 nm to each side.
    """
    answers = read_review(params.review) if params.review else []
    instances = number_objects(view, min_voxels=math.ceil(params.min_volume_nm3 / view.voxel_size.volume_nm3 - 1e-9))
    measured = measure_all(view, instances, params)
    rows = [row_of(found) for found in measured]
    dataset = to_dataset(rows, measured, instances.ids)
    places = {int(pit): found.centre_nm.tolist() for pit, found in zip(instances.ids, measured, strict=True)}
    answered = match(answers, places, params.review) if params.review else {}
    dataset = classify_all(dataset, answered, edge_nm=max(view.voxel_size.zyx), params=params)
    _write(view, dataset, answered)
    reviewed = {"file": str(params.review), "sha256": fingerprint(params.review)} if params.review else None
    return dataset.assign_attrs(
        statistics=_statistics(dataset, instances),
        review={**reviewed, "answers": len(answered)} if reviewed else {},
        notes=_notes(dataset, instances, params),
    )


def measure_all(view: View, instances: Numbered, params: Pits) -> list[Measured]:
    """Every object by itself, in their order."""
    touch = params.touch_voxels * max(view.voxel_size.zyx)
    numbers: dict[Box, list[int]] = defaultdict(list)
    for number, box in enumerate(find_boxes(view, instances), start=1):
        numbers[box].append(number)

    def measure(box: Box) -> list[tuple[int, Measured]]:
        if max(np.array(box.shape) * view.voxel_size.zyx) > params.max_length_nm:
            return [(number, _too_long(view, instances, number, box)) for number in numbers[box]]
        crops = ((n, read_crop(view, instances, n, box=box, near_nm=params.near_nm)) for n in numbers[box])
        return [(number, measure_object(crop, touch_nm=touch, near_nm=params.near_nm)) for number, crop in crops]

    parts = map_blocks(measure, list(numbers), sweep="measuring pits", progress=view.progress)
    return [found for _, found in sorted((pair for part in parts for pair in part), key=lambda pair: pair[0])]


def _too_long(view: View, instances: Numbered, number: int, box: Box) -> Measured:
    lower, upper = box.to_nm(view.voxel_size, origin_nm=view.objects.lower_edge_nm)
    return Measured(
        centre_nm=(np.array(lower) + upper) / 2,
        shift_nm=np.zeros(3),
        distance_nm=math.nan,
        at_membrane=False,
        volume_nm3=float(instances.voxels[number - 1] * view.voxel_size.volume_nm3),
        too_long=True,
        cut=not view.box.contains(box.grow(1)),
    )


def _statistics(dataset: xr.Dataset, instances: Numbered) -> dict[str, Any]:
    kept = dataset.verdict.values != "reject"
    return {
        "pits": len(kept),
        "left_out": instances.left_out,
        "rejected": int((~kept).sum()),
        "by_hand": int((dataset.by_hand.values != "").sum()),
        "class": {name: int((dataset["class"].values[kept] == name).sum()) for name in CLASSES},
        "stage": {name: int((dataset.stage.values == name).sum()) for name in (EARLY, LATE)},
        "coat_threshold": dataset.attrs["coat_threshold"],
    }


def _notes(dataset: xr.Dataset, instances: Numbered, params: Pits) -> list[str]:
    notes = {
        f"{instances.left_out:,} objects below {params.min_volume_nm3:g} nm^3 were left out": instances.left_out > 0,
        f"no object has plasma membrane within {params.near_nm:g} nm, all are called secretory: does MASK end where "
        "the cell ends?": len(instances) > 0 and bool(np.isnan(dataset.distance_nm.values).all()),
    }
    return [note for note, holds in notes.items() if holds]


def _write(view: View, dataset: xr.Dataset, answered: Mapping[int, Answer]) -> None:
    names = ("z_nm", "y_nm", "x_nm", "measured_class", "measured_neck_nm", "measured_height_nm",
             "enhancement", "distance_nm", "flags")  # fmt: skip
    columns = {name: dataset[name].values.tolist() for name in names}
    rows: list[dict[str, Any]] = [
        {"pit": int(pit), **{name: values[index] for name, values in columns.items()}}
        for index, pit in enumerate(dataset.pit.values)
    ]
    write_review(view.output / FILE, rows, answered)
