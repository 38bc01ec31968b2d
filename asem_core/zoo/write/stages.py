"""A model's stages in bioimage.io's words, so that other tools run them; and those that it has no words for.

======================  =======================================================================================
``scale_linear``        ``fixed_zero_mean_unit_variance``; BiaPy makes a division by 255 of ``scale_linear``
``percentile_rescale``  ``scale_range`` between the percentiles, ``clip``, ``scale_linear`` to 0..255, not rounded
others                  none: they, and what comes before them, are for `asem segment` alone
======================  =======================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import cattrs
import numpy as np
import numpy.typing as npt

from asem_core.preprocessing.intensity import PercentileRescale
from asem_core.preprocessing.scale import ScaleLinear
from asem_core.specs import StageRef
from asem_core.zoo.manifest import read_manifest
from asem_core.zoo.rdf import read_description

Array = npt.NDArray[np.float32]

FIXED = StageRef(name="scale_linear", params={"gain": 2 / 255, "offset": -1.0})
"""The last stage of every model of ours: from 0..255 to the -1..1 that the graph receives."""
_EPS = 1e-6


@attrs.frozen
class _Words:
    params: type
    steps: Callable[[Any], list[dict[str, Any]]]
    """Of ``rdf.yaml``."""
    apply: Callable[[Array, Any], Array]
    """What a tool makes of them that takes a sample for the whole."""


def split_told(stages: Sequence[StageRef]) -> tuple[tuple[StageRef, ...], tuple[StageRef, ...]]:
    """Of ``stages`` those that other tools do not run, up to the last without words, and those that they do.

    >>> untold, told = split_told([StageRef(name="percentile_rescale"), StageRef(name="clahe"), FIXED])
    >>> [stage.name for stage in untold], [stage.name for stage in told]
    (['percentile_rescale', 'clahe'], ['scale_linear'])
    """
    count = max((n for n, stage in enumerate(stages, start=1) if stage.name not in _KNOWN), default=0)
    return tuple(stages[:count]), tuple(stages[count:])


def preprocessing(stages: Sequence[StageRef]) -> list[dict[str, Any]]:
    """``stages``, for all of which there are words, as the ``preprocessing`` of an input in ``rdf.yaml``."""
    steps = [step for stage in stages for step in _KNOWN[stage.name].steps(_params(stage))]
    return [{"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}, *steps]


def as_told(raw: Array, stages: Sequence[StageRef]) -> Array:
    """What another tool gives the graph for ``raw`` ``(z, y, x)``, 0..255, after `preprocessing` of ``stages``.

    >>> as_told(np.float32([[[0, 127.5, 255]]]), [FIXED]).tolist()
    [[[-1.0, 0.0, 1.0]]]
    """
    for stage in stages:
        raw = _KNOWN[stage.name].apply(raw, _params(stage))
    return raw


def is_fixed(stage: StageRef) -> bool:
    """Whether ``stage`` is `FIXED`, however it is written."""
    return stage.name == FIXED.name and _params(stage) == _params(FIXED)


def left_out(folder: Path) -> tuple[StageRef, ...]:
    """Stages of the package of ours in ``folder`` that its ``rdf.yaml`` does not tell other tools, which skip them.

    Raises
    ------
    ModelError
        ``model.json`` or ``rdf.yaml`` cannot be read.
    """
    stages = read_manifest(folder).preprocess
    inputs = read_description(folder).get("inputs") or [{}]
    there = _without_dtypes(inputs[0].get("preprocessing") or [])
    for count in range(len(stages) + 1):
        untold, told = split_told(stages[count:])
        if not untold and _without_dtypes(preprocessing(told)) == there:
            return stages[:count]
    return stages


def _without_dtypes(steps: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(step.get("id"), step.get("kwargs")) for step in steps if step.get("id") != "ensure_dtype"]


def _params(stage: StageRef) -> Any:
    return cattrs.structure(dict(stage.params), _KNOWN[stage.name].params)


def _linear_steps(params: ScaleLinear) -> list[dict[str, Any]]:
    if params.gain <= 0:
        return [{"id": "scale_linear", "kwargs": {"gain": params.gain, "offset": params.offset}}]
    kwargs = {"mean": -params.offset / params.gain, "std": 1 / params.gain}
    return [{"id": "fixed_zero_mean_unit_variance", "kwargs": kwargs}]


def _linear(raw: Array, params: ScaleLinear) -> Array:
    scaled: Array = raw * np.float32(params.gain) + np.float32(params.offset)
    return scaled


def _percentile_steps(params: PercentileRescale) -> list[dict[str, Any]]:
    kwargs = {
        "axes": ["channel", "z", "y", "x"], "min_percentile": params.low, "max_percentile": params.high, "eps": _EPS,
    }  # fmt: skip
    return [
        {"id": "scale_range", "kwargs": kwargs},
        {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}},
        {"id": "scale_linear", "kwargs": {"gain": 255.0, "offset": 0.0}},
    ]


def _percentiles(raw: Array, params: PercentileRescale) -> Array:
    low, high = np.percentile(raw, [params.low, params.high])
    stretched: Array = (np.clip((raw - low) / (high - low + _EPS), 0, 1) * 255).astype(np.float32)
    return stretched


_KNOWN = {
    "scale_linear": _Words(ScaleLinear, _linear_steps, _linear),
    "percentile_rescale": _Words(PercentileRescale, _percentile_steps, _percentiles),
}
