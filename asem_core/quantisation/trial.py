"""F1 and speed of a model in every precision that this processor has, on labelled volumes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import attrs

from asem_core.errors import ModelError, PluginError
from asem_core.evaluation import Scores, evaluate
from asem_core.geometry import Box
from asem_core.grid.place import cut
from asem_core.models.model import Model
from asem_core.models.runtimes import openvino_runtime
from asem_core.predict.passes import run_plan
from asem_core.predict.plan import Settings, make_plan
from asem_core.progress import Progress, silent
from asem_core.quantisation.tissue import image_of, is_here
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec
from asem_core.training.recipe import Data
from asem_core.volume import Volume, open_labels, open_volume
from asem_core.volume.address import beside
from asem_core.zoo.write.quantised import PrecisionScore

MOST_LOST = 0.005
"""Of F1, on any volume, with or without the zone: what is lost beyond it, users would see."""
RUNTIME = "openvino"
"""What runs 8-bit integers fast."""


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """A volume with its truth."""

    name: str
    volume: Volume
    labels: Volume
    mask: Volume | None = None
    roi: Box | None = None
    unlabelled: int | None = None


def precisions() -> tuple[str, ...]:
    """The precisions to compare, f32 first.

    Raises
    ------
    PluginError
        OpenVINO is not installed, or this processor is not made for 8-bit integers.
    """
    can = openvino_runtime.probe()
    if isinstance(can, str):
        raise PluginError(can)
    names = tuple(precision.name for precision in can.precisions)
    if "int8" not in names:
        raise PluginError(
            "this processor has no VNNI or AMX instructions, without which 8-bit integers cannot be tried: "
            "run `asem zoo quantise` on one that has"
        )
    return tuple(reversed(names))


def validation_volumes(
    validation: Sequence[Data], *, organelle: str, folder: Path, registry: Registry
) -> tuple[Judged, ...]:
    """Those of a recipe that are here.

    Raises
    ------
    ModelError
        None is here.
    """
    here = [data for data in validation if not _is_partly_judged(data) and is_here(data, folder, registry)]
    if not here:
        raise ModelError(
            f"none of the {len(validation)} volumes that the model was validated on is in {folder} and judged as a "
            "whole: say where they are (--data), or give a volume and its truth (--volume, --labels)"
        )
    return tuple(_opened(data, organelle=organelle, folder=folder, registry=registry) for data in here)


def _is_partly_judged(data: Data) -> bool:
    """Whether voxels are judged in a way that `asem evaluate` has no option for."""
    return data.unlabelled == 0 or bool(data.left_out)


def _opened(data: Data, *, organelle: str, folder: Path, registry: Registry) -> Judged:
    raw = image_of(data, folder, registry)
    size = raw.voxel_size
    labels = open_labels(beside(folder, data.labels), data.organelle or organelle, registry=registry, voxel_size=size)
    roi = None if data.roi is None else Box.parse(data.roi)
    mask = None if data.mask is None else open_volume(beside(folder, data.mask), registry=registry, voxel_size=size)
    return Judged(
        name=data.name or f"{data.raw}{'' if data.roi is None else f' [{data.roi}]'}",
        volume=raw,
        labels=labels if roi is None else cut(labels, raw, roi),
        mask=mask,
        roi=roi,
        unlabelled=data.unlabelled,
    )


def try_precisions(
    model: Model,
    judged: Sequence[Judged],
    *,
    names: Sequence[str],
    organelle: OrganelleSpec,
    registry: Registry,
    scratch: Path,
    progress: Progress = silent,
) -> tuple[PrecisionScore, ...]:
    """Segment and evaluate every volume in every precision of ``names``, one after the other.

    Volumes of one name count as one: boxes that were held back from one fine-tuning, each too small to tell.

    Parameters
    ----------
    model
        With its graph in 8-bit integers.
    scratch
        Folder for what is segmented.
    """
    parts: dict[str, list[Judged]] = {}
    for each in judged:
        parts.setdefault(each.name, []).append(each)
    rows: list[PrecisionScore] = []
    for volume, pieces in parts.items():
        for precision in names:
            tried = [
                _try(model, piece, precision, organelle, registry, scratch / f"{len(rows)}_{n}.zarr", progress)
                for n, piece in enumerate(pieces)
            ]
            scores = sum((each.scores for each in tried), Scores())
            rows.append(
                PrecisionScore(
                    volume=volume,
                    precision=precision,
                    f1_with_zone=scores.with_zone.f1,
                    f1_without_zone=scores.without_zone.f1,
                    voxels_per_cpu_second=sum(each.voxels for each in tried) / sum(each.seconds for each in tried),
                )
            )
    return tuple(rows)


@attrs.frozen(kw_only=True)
class _Tried:
    scores: Scores
    voxels: int
    seconds: float
    """Of the processor: what else a machine does while one of the precisions is tried must not count."""


def _try(
    model: Model,
    judged: Judged,
    precision: str,
    organelle: OrganelleSpec,
    registry: Registry,
    output: Path,
    progress: Progress,
) -> _Tried:
    plan = make_plan(
        judged.volume,
        output,
        organelle=organelle,
        model=model,
        registry=registry,
        settings=Settings(roi=judged.roi, runtime=RUNTIME, precision=precision),
        mask=None,
        overwrite=False,
    )
    began = time.process_time()
    made = run_plan(plan, registry=registry, progress=progress)
    used = time.process_time() - began
    found = evaluate(
        output, judged.labels, organelle=organelle, registry=registry, mask=judged.mask,
        ignore_label=judged.unlabelled, voxel_size=judged.volume.voxel_size,
    )  # fmt: skip
    return _Tried(scores=found.scores, voxels=made.voxels, seconds=used)


def lost(scores: Sequence[PrecisionScore]) -> float:
    """Most of F1 that int8 loses against f32, of any volume, with or without the zone; below 0 where it gains."""
    exact, small = ({s.volume: s for s in scores if s.precision == name} for name in ("f32", "int8"))
    return max(
        max(
            exact[volume].f1_with_zone - small[volume].f1_with_zone,
            exact[volume].f1_without_zone - small[volume].f1_without_zone,
        )
        for volume in exact
    )
