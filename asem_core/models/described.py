"""A model from elsewhere: its graph between its own pre- and post-processing, by bioimageio.core (no torch).

Statistics (mean, percentiles) are those of the whole volume, whatever the description calls a sample: taken per tile
they would make seams.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.geometry import AXES, Box, Lattice, VoxelSize
from asem_core.models.description import Description, describe, refusal
from asem_core.models.model import Image, TilePredictor, identity
from asem_core.models.runtimes.graph import graph_cost
from asem_core.models.runtimes.session import Session
from asem_core.models.tiling import Tiling
from asem_core.preprocessing.intensity import percentiles
from asem_core.preprocessing.stages import Statistics, Step
from asem_core.specs import TrainedGrey

log = logging.getLogger(__name__)

Counts = npt.NDArray[np.int64]

_BY_VOXEL = {
    "binarize", "clip", "ensure_dtype", "fixed_zero_mean_unit_variance", "scale_linear", "scale_range", "sigmoid",
    "softmax", "zero_mean_unit_variance",
}  # fmt: skip
"""Steps that need a voxel's channels and statistics, no neighbours: they may run tile by tile."""
_NOT_A_PROBABILITY = 1e-3
"""Values this far outside 0..1 are not taken for rounding."""
_LEVELS = "asem_core.preprocessing.intensity:histogram"


@attrs.frozen(kw_only=True, eq=False)
class DescribedModel:
    """See `asem_core.models.model.Model`; `open_described` makes it."""

    description: Description
    channel: int
    """Which of its output channels is the result."""
    pre: tuple[Any, ...]
    post: tuple[Any, ...]
    """Operators of bioimageio.core."""
    precision: str = "f32"
    """What others published was tested in float32; what less does to it is for the user to decide."""
    spare: int = 0
    before: tuple[Step, ...] = ()
    grey: TrainedGrey | None = None
    adaptation: None = None
    int8: None = None

    @property
    def id(self) -> str:
        """Of the description, as the following five."""
        return self.description.id

    @property
    def version(self) -> str:
        """Of the weights."""
        return self.description.version

    @property
    def licence(self) -> str:
        """Of the weights."""
        return self.description.licence

    @property
    def sha256(self) -> str:
        """Of the ONNX file."""
        return self.description.sha256

    @property
    def onnx(self) -> Path:
        """The graph."""
        return self.description.onnx

    @property
    def voxel_size(self) -> VoxelSize | None:
        """None where the description does not say."""
        return self.description.voxel_size

    @property
    def tiling(self) -> Tiling:
        """The tiles that it can be given."""
        return self.description.tiling

    @property
    def needs(self) -> tuple[str, ...]:
        """The grey levels of the volume, where a step asks for a mean, a deviation or percentiles."""
        return (_LEVELS,) if self._measures else ()

    @property
    def settings(self) -> dict[str, Any]:
        """Identity, steps, channel, and what of a tile is kept."""
        described = self.description
        return {
            "model": identity(self),
            "channel": described.channels[self.channel],
            "preprocess": _plain(described.input.preprocessing),
            "postprocess": _plain(described.output.postprocessing),
            "tiles": {"lost": list(described.lost), "halo": list(described.halo)},
        }

    @property
    def _measures(self) -> set[Any]:
        return {measure for operator in (*self.pre, *self.post) for measure in operator.required_measures}

    def check_tile(self, lattice: Lattice) -> None:
        """Compare the graph's output for a tile with what the description says.

        Raises
        ------
        ModelError
            They differ.
        """
        found = graph_cost(self.onnx, self.tiling.input_shape(lattice)).output
        expected = self.description.output_shape(lattice.side)
        if len(found) != len(expected) or any(a and a != b for a, b in zip(found, expected, strict=True)):
            raise refusal(
                self.description.path,
                f"the graph makes {found} of a tile of {lattice.side}, the description says {expected}",
            )

    def check_probability(self) -> None:
        """Look at the package's own test output.

        Raises
        ------
        ModelError
            It is no probability.
        """
        stored = self.description.test_output()
        if stored is None or stored.ndim != len(self.description.output_axes):
            return
        image = _image(np.asarray(stored), self.description.output_axes, self.channel)
        if image.size:
            _check_range(image, self.description.path)

    def predictor(self, session: Session, *, lattice: Lattice, stats: Statistics, probability: bool) -> TilePredictor:
        """See `asem_core.models.model.Model.predictor`."""
        described = self.description
        counts = stats.get(_LEVELS.partition(":")[2])
        values = {} if counts is None else {m: _measured(m, counts, described.grey_gain) for m in self._measures}
        expected = described.output_shape(lattice.side)
        kept = tuple(slice(halo, halo + n) for halo, n in zip(described.halo, lattice.keep, strict=True))

        def prepare(raw: npt.NDArray[Any], _: Box) -> npt.NDArray[Any]:
            tensor = _arranged(raw.astype(np.float32) * np.float32(described.grey_gain), described.input_axes)
            tensor = _through(self.pre, tensor, described.input, values)
            return np.ascontiguousarray(tensor, dtype=described.dtype)

        def run(block: npt.NDArray[Any]) -> Image:
            found = session.run(block)
            if found.shape != expected:
                raise ModelError(f"{self.onnx} gave an output of {found.shape}, its description says {expected}")
            found = _through(self.post, found, described.output, values)
            # A copy, so that tiles that wait to be written do not hold the whole result.
            image = np.array(_image(found, described.output_axes, self.channel)[kept], np.float32)
            return as_probability(image, described.path) if probability else image

        return TilePredictor(prepare=prepare, run=run)


def open_described(folder: Path, *, channel: str | None = None) -> DescribedModel:
    """Open the model in ``folder``, whose files `check_description` has accepted.

    Raises
    ------
    ModelError
        It does not run tile by tile (see `describe`; or a step needs more than one voxel, its own code, or statistics
        that are not those of the whole input), or there is no such channel.
    """
    described = describe(folder)
    pre = _operators(described.input.preprocessing, described.input, described.path)
    post = _operators(described.output.postprocessing, described.output, described.path)
    for operator in (*pre, *post):
        for measure in operator.required_measures:
            _check_measure(measure, described)
    return DescribedModel(description=described, channel=described.channel(channel), pre=pre, post=post)


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


def _check_measure(measure: Any, model: Description) -> None:
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
