"""A described model on one tile: the session between its own pre- and post-processing, by bioimageio.core (no torch).

Statistics (mean, percentiles) are those of the whole volume, whatever the description calls a sample: taken per tile
they would make seams.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.geometry import AXES, Triple
from asem_core.predict.described import Described
from asem_core.predict.session import Session
from asem_core.preprocess.intensity import percentiles

Image = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]

_BY_VOXEL = {
    "binarize", "clip", "ensure_dtype", "fixed_zero_mean_unit_variance", "scale_linear", "scale_range", "sigmoid",
    "softmax", "zero_mean_unit_variance",
}  # fmt: skip
"""Steps that need a voxel's channels and statistics, no neighbours: they may run tile by tile."""
_NOT_A_PROBABILITY = 1e-3
"""Values this far outside 0..1 are not taken for rounding."""


@attrs.frozen(kw_only=True, eq=False)
class Runner:
    """A described model, and which of its channels is the result."""

    model: Described
    channel: int
    before: tuple[Any, ...]
    after: tuple[Any, ...]
    """Operators of bioimageio.core."""

    @property
    def needs_statistics(self) -> bool:
        """Whether a step asks for a mean, a deviation or percentiles of the input."""
        return any(operator.required_measures for operator in (*self.before, *self.after))

    @property
    def settings(self) -> dict[str, Any]:
        """What the result depends on beside the weights; JSON types."""
        return {
            "channel": self.model.channels[self.channel],
            "preprocess": _plain(self.model.input.preprocessing),
            "postprocess": _plain(self.model.output.postprocessing),
            "tiles": {"lost": list(self.model.lost), "halo": list(self.model.halo)},
        }

    def statistics(self, counts: Counts) -> dict[Any, float]:
        """The values that the steps ask for.

        Parameters
        ----------
        counts
            Voxels of the whole volume per grey level, `asem_core.preprocess.intensity.histogram`.
        """
        measures = {m for operator in (*self.before, *self.after) for m in operator.required_measures}
        return {measure: _measured(measure, counts, self.model.grey_gain) for measure in measures}

    def predict(self, raw: npt.NDArray[Any], *, session: Session, stats: Mapping[Any, float], keep: Triple) -> Image:
        """The kept part of a tile.

        Parameters
        ----------
        raw
            ``(z, y, x)``, the tile's read box on the 0..255 scale.
        stats
            What `statistics` gave; empty where none are needed.
        keep
            Voxels per axis that are kept.

        Returns
        -------
        ndarray
            ``(z, y, x)`` float32 of the shape ``keep``.

        Raises
        ------
        ModelError
            The graph's output is not as large as described.
        """
        model = self.model
        tensor = _arranged(raw.astype(np.float32) * np.float32(model.grey_gain), model.input_axes)
        tensor = _through(self.before, tensor, model.input, stats)
        found = session.run(np.ascontiguousarray(tensor, dtype=model.dtype))
        if found.shape != (expected := model.output_shape(raw.shape)):
            raise ModelError(f"{model.onnx} gave an output of {found.shape}, its description says {expected}")
        found = _through(self.after, found, model.output, stats)
        image = _image(found, model.output_axes, self.channel)
        kept = tuple(slice(halo, halo + n) for halo, n in zip(model.halo, keep, strict=True))
        return np.ascontiguousarray(image[kept], dtype=np.float32)


def make_runner(model: Described, *, channel: str | None) -> Runner:
    """Set up the processing of ``model``.

    Raises
    ------
    ModelError
        A step needs more than one voxel, its own code, or statistics that are not those of the whole input; or there is
        no such channel.
    """
    before = _operators(model.input.preprocessing, model.input, model.path)
    after = _operators(model.output.postprocessing, model.output, model.path)
    for operator in (*before, *after):
        for measure in operator.required_measures:
            _check_measure(measure, model)
    return Runner(model=model, channel=model.channel(channel), before=before, after=after)


def check_probability(runner: Runner) -> None:
    """Refuse a model whose own test output is no probability: bytes could not hold it.

    Raises
    ------
    ModelError
        The message says what it gives and what to do.
    """
    stored = runner.model.test_output()
    if stored is None or stored.ndim != len(runner.model.output_axes):
        return
    image = _image(np.asarray(stored), runner.model.output_axes, runner.channel)
    if image.size:
        _check_range(image, runner.model.path)


def as_probability(image: Image, path: Path) -> Image:
    """``image`` with rounding beyond 0 and 1 cut off.

    Raises
    ------
    ModelError
        Values lie further out.
    """
    _check_range(image, path)
    return np.clip(image, np.float32(0), np.float32(1))


def _check_range(image: npt.NDArray[Any], path: Path) -> None:
    low, high = float(image.min()), float(image.max())
    if not (low >= -_NOT_A_PROBABILITY and high <= 1 + _NOT_A_PROBABILITY):
        raise ModelError(
            f"{path}: the model gives values from {low:.4g} to {high:.4g}, not probabilities in 0..1: "
            "choose another --channel, or keep them as they are with --prob-dtype float32"
        )


def _operators(steps: Sequence[Any], tensor: Any, path: Path) -> tuple[Any, ...]:
    from bioimageio.core.proc_ops import get_proc

    for step in steps:
        name = str(getattr(step, "id", ""))
        if name not in _BY_VOXEL:
            why = "its code is not run" if name == "custom" else "it cannot run tile by tile"
            raise ModelError(f"{path}: the processing step {name!r} is not supported, {why} (docs/other-models.md)")
        axis = getattr(step.kwargs, "axis", None)
        if axis is not None and str(axis) not in _channel_ids(tensor):
            raise ModelError(f"{path}: the step {name!r} runs along the axis {axis}, expected the channels")
    return tuple(get_proc(step, tensor) for step in steps)


def _check_measure(measure: Any, model: Described) -> None:
    if str(measure.member_id) != str(model.input.id):
        raise ModelError(
            f"{model.path}: a step needs the {measure.name} of the model's whole output, which is not known before all "
            "tiles are done (docs/other-models.md)"
        )
    if measure.axes is not None and not set(AXES) <= set(map(str, measure.axes)):
        axes = ", ".join(map(str, measure.axes))
        raise ModelError(
            f"{model.path}: a step takes the {measure.name} over {axes} only, ASEM takes it over the whole volume "
            "(docs/other-models.md)"
        )


def _channel_ids(tensor: Any) -> set[str]:
    return {str(axis.id) for axis in tensor.axes if axis.type == "channel"}


def _plain(steps: Sequence[Any]) -> list[Any]:
    return [step.model_dump(mode="json") for step in steps]


def _measured(measure: Any, counts: Counts, gain: float) -> float:
    scale = gain * 255 / (len(counts) - 1)
    levels = np.arange(len(counts)) * scale
    if measure.name == "quantile":
        return percentiles(counts, [100 * measure.q])[0] * scale
    mean = float(counts @ levels / counts.sum())
    variance = float(counts @ (levels - mean) ** 2 / counts.sum())
    return {"mean": mean, "var": variance, "std": math.sqrt(variance)}[measure.name]


def _arranged(image: npt.NDArray[Any], axes: tuple[str, ...]) -> npt.NDArray[Any]:
    """``(z, y, x)`` as a tensor with ``axes``."""
    order = [axis for axis in axes if axis in AXES]
    moved = image.transpose([AXES.index(axis) for axis in order])
    return moved[tuple(slice(None) if axis in AXES else None for axis in axes)]


def _image(tensor: npt.NDArray[Any], axes: tuple[str, ...], channel: int) -> npt.NDArray[Any]:
    """One channel of a tensor with ``axes`` as ``(z, y, x)``."""
    picked = tensor[tuple({"batch": 0, "channel": channel}.get(axis, slice(None)) for axis in axes)]
    order = [axis for axis in axes if axis in AXES]
    return picked.transpose([order.index(axis) for axis in AXES])


def _through(
    operators: Sequence[Any], values: npt.NDArray[Any], tensor: Any, stats: Mapping[Any, float]
) -> npt.NDArray[Any]:
    """``values`` of the described ``tensor`` after ``operators``."""
    if not operators:
        return values
    from bioimageio.core import Sample, Tensor

    sample = Sample(
        members={tensor.id: Tensor(values, dims=[axis.id for axis in tensor.axes])}, stat=dict(stats), id="tile"
    )
    for operator in operators:
        operator(sample)
    found: npt.NDArray[Any] = sample.members[tensor.id].data.to_numpy()
    return found
