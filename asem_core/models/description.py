"""What a bioimage.io description says of a model from elsewhere: all that the engine needs, or why it cannot run.

`describe` refuses what our tiles cannot do justice to, one line each; `asem_core.models.described` runs what it
returns.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.geometry import AXES, Triple, VoxelSize, triple
from asem_core.models.tiling import Sizes, Tiling
from asem_core.zoo.files import file_sha256
from asem_core.zoo.guard.names import local_file
from asem_core.zoo.rdf import description_path, read_description
from asem_core.zoo.validate import as_bioimageio

log = logging.getLogger(__name__)

_NANOMETRES = {"angstrom": 0.1, "nanometer": 1.0, "micrometer": 1e3, "millimeter": 1e6}
_COPIES = 3
"""Float64 arrays of input and output that a tile's processing holds at once."""


@attrs.frozen(kw_only=True, eq=False)
class Description:
    """A 3D model with one input and one output."""

    path: Path
    """Its description."""
    id: str
    version: str
    licence: str
    onnx: Path
    sha256: str
    """Of the ONNX file."""
    input: Any
    output: Any
    """Tensor descriptions of bioimageio.spec, format 0.5."""
    input_axes: tuple[str, ...]
    output_axes: tuple[str, ...]
    """``batch``, ``channel``, ``z``, ``y``, ``x``, in the graph's order."""
    dtype: np.dtype[Any]
    """Of the graph's input."""
    sizes: tuple[Sizes, Sizes, Sizes]
    """z, y, x."""
    lost: Triple
    """Voxels at each face by which the output is smaller than the input."""
    halo: Triple
    """Voxels at each face of the output that are no prediction."""
    channels: tuple[str, ...]
    voxel_size: VoxelSize | None
    """None where the description does not say."""
    grey_gain: float
    """From 0..255 to the range of grey values that the model is given."""

    @property
    def tiling(self) -> Tiling:
        """The tiles that it can be given."""
        context = triple([a + b for a, b in zip(self.lost, self.halo, strict=True)])
        return Tiling(onnx=self.onnx, sizes=self.sizes, halo=context, axes=self.input_axes, copies=_COPIES)

    def output_shape(self, side: Sequence[int]) -> tuple[int, ...]:
        """Shape of the graph's output for a tile of ``side`` voxels, z, y, x."""
        inner = [n - 2 * lost for n, lost in zip(side, self.lost, strict=True)]
        sizes = dict(zip(("batch", "channel", *AXES), (1, len(self.channels), *inner), strict=True))
        return tuple(sizes[axis] for axis in self.output_axes)

    def channel(self, wanted: str | None) -> int:
        """The output channel called ``wanted``, or with that number; the only one where nothing is asked for.

        Raises
        ------
        ModelError
            There is no such channel, or several and none is named.
        """
        if wanted is None and len(self.channels) == 1:
            return 0
        if wanted in self.channels:
            return self.channels.index(wanted)
        if wanted is not None and wanted.isdecimal() and int(wanted) < len(self.channels):
            return int(wanted)
        there = ", ".join(f"{n} ({name})" for n, name in enumerate(self.channels))
        found = "none was chosen" if wanted is None else f"got {wanted!r}"
        raise ModelError(f"the model {self.id!r} has the output channels {there}: choose one with --channel, {found}")

    def test_output(self) -> npt.NDArray[Any] | None:
        """What the package says that the model gives for its own test input; None where there is no such file."""
        tensor = getattr(self.output, "test_tensor", None)
        if tensor is None:
            return None
        path = local_file(self.path.parent, _name(tensor.source), f"{self.path}, test_tensor")
        if path.suffix != ".npy":
            return None
        loaded: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return loaded


def describe(folder: Path) -> Description:
    """Read the description in ``folder``, which `check_description` has accepted.

    Raises
    ------
    ModelError
        bioimage.io does not accept the description, or it is not a 3D model with ONNX weights, one input of one channel
        and one output on the same grid.
    """
    path = description_path(folder)
    weights = read_description(folder).get("weights") or {}
    if "onnx" not in weights:
        there = ", ".join(weights) or "none"
        raise refusal(path, f"its weights are {there}; ASEM runs ONNX: ask its authors for ONNX weights")
    model = as_bioimageio(folder, latest=True)
    if isinstance(model, tuple):
        raise refusal(path, f"bioimage.io does not accept it: {'; '.join(sorted(model)[:3])}")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise refusal(
            path,
            f"it has {len(model.inputs)} inputs and {len(model.outputs)} outputs, ASEM runs models with one of each",
        )
    taken, given = model.inputs[0], model.outputs[0]
    input_axes, output_axes = _roles(taken.axes, path), _roles(given.axes, path)
    if (count := len(_channels(taken.axes))) != 1:
        raise refusal(path, f"its input has {count} channels, a volume has one")
    sizes = _triple_of([_sizes(taken, axis, path) for axis in AXES])
    lost = triple([_lost(taken, given, axis, size, path) for axis, size in zip(AXES, sizes, strict=True)])
    halo = triple([int(getattr(_axis(given, axis), "halo", 0)) for axis in AXES])
    if not any(lost) and not any(halo):
        log.warning("the model %s declares no halo: expect seams where tiles meet", path)
    onnx = local_file(folder, weights["onnx"].get("source"), f"{path}, weights.onnx")
    return Description(
        path=path, id=_identifier(model), version=str(model.version or "0"), licence=str(model.license or "unknown"),
        onnx=onnx, sha256=file_sha256(onnx), input=taken, output=given, input_axes=input_axes, output_axes=output_axes,
        dtype=_graph_dtype(onnx, input_axes, output_axes, sizes), sizes=sizes, lost=lost, halo=halo,
        channels=_channels(given.axes), voxel_size=_voxel_size(taken), grey_gain=_grey_gain(taken),
    )  # fmt: skip


def _triple_of(sizes: list[Sizes]) -> tuple[Sizes, Sizes, Sizes]:
    """The three of ``sizes`` as a tuple."""
    z, y, x = sizes
    return z, y, x


def refusal(path: Path, reason: str) -> ModelError:
    """The error that says why the model that ``path`` describes does not run."""
    return ModelError(f"{path}: {reason} (docs/other-models.md)")


def _identifier(model: Any) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", str(model.id or model.name)).strip("-") or "model"


def _name(source: Any) -> str:
    return str(getattr(source, "path", source))


def _roles(axes: Any, path: Path) -> tuple[str, ...]:
    roles = tuple(str(axis.id) if axis.type == "space" else str(axis.type) for axis in axes)
    space = {str(axis.id) for axis in axes if axis.type == "space"}
    if space <= {"y", "x"}:
        raise refusal(path, f"it is a 2D model (axes {', '.join(roles)}), ASEM runs 3D models")
    if sorted(set(roles) - {"batch", "channel"}) != sorted(AXES) or len(set(roles)) < len(roles):
        raise refusal(path, f"its axes are {', '.join(roles)}; expected z, y, x, and one batch and channel at most")
    return roles


def _channels(axes: Any) -> tuple[str, ...]:
    names = [tuple(map(str, axis.channel_names)) for axis in axes if axis.type == "channel"]
    return names[0] if names else ("output",)


def _axis(tensor: Any, name: str) -> Any:
    return next(axis for axis in tensor.axes if axis.type == "space" and str(axis.id) == name)


def _sizes(taken: Any, name: str, path: Path) -> Sizes:
    axis = _axis(taken, name)
    size = axis.size
    if hasattr(size, "axis_id"):
        other = _axis(taken, str(size.axis_id))
        if str(size.tensor_id) != str(taken.id) or size.offset or other.scale != axis.scale:
            raise refusal(
                path, f"the size of its input axis {name} follows from another axis with a scale or an offset"
            )
        size = other.size
    return Sizes(size) if isinstance(size, int) else Sizes(size.min, size.step)


def _lost(taken: Any, given: Any, name: str, sizes: Sizes, path: Path) -> int:
    axis = _axis(given, name)
    if isinstance(axis.size, int):
        if sizes.step:
            raise refusal(path, f"the size of its output axis {name} is fixed, that of its input is not")
        difference = sizes.least - axis.size
    else:
        same = (str(axis.size.tensor_id), str(axis.size.axis_id)) == (str(taken.id), name)
        if not same or abs(_axis(taken, name).scale / axis.scale - 1) > 1e-6:
            raise refusal(path, f"its output axis {name} is on another grid than its input's")
        difference = -axis.size.offset
    if difference < 0 or difference % 2:
        raise refusal(
            path, f"on {name} its output is {difference} voxels smaller than its input, expected an even number >= 0"
        )
    return int(difference) // 2


def _voxel_size(taken: Any) -> VoxelSize | None:
    axes = [_axis(taken, name) for name in AXES]
    if any(axis.unit not in _NANOMETRES for axis in axes):
        return None
    return VoxelSize([axis.scale * _NANOMETRES[axis.unit] for axis in axes])


def _grey_gain(taken: Any) -> float:
    data = taken.data[0] if isinstance(taken.data, (list, tuple)) else taken.data
    if str(data.type) == "uint16":
        return 257.0
    return 1 / 255 if tuple(data.range) == (0, 1) else 1.0


def _graph_dtype(
    onnx_path: Path, input_axes: tuple[str, ...], output_axes: tuple[str, ...], sizes: tuple[Sizes, Sizes, Sizes]
) -> np.dtype[Any]:
    """Dtype of the graph's input, once its axes were found to be those of the description."""
    import onnx

    graph = onnx.load(str(onnx_path), load_external_data=False).graph
    stored = {weight.name for weight in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise ModelError(f"{onnx_path} has {len(inputs)} inputs and {len(graph.output)} outputs, expected one of each")
    kind = inputs[0].type.tensor_type
    for value, axes in ((inputs[0], input_axes), (graph.output[0], output_axes)):
        rank = len(value.type.tensor_type.shape.dim)
        if rank != len(axes):
            raise ModelError(f"{onnx_path}: {value.name} has {rank} axes, the description says {', '.join(axes)}")
    taken = {"batch": Sizes(1), "channel": Sizes(1), **dict(zip(AXES, sizes, strict=True))}
    for axis, dim in zip(input_axes, kind.shape.dim, strict=True):
        if dim.dim_value and Sizes(dim.dim_value) != taken[axis]:
            raise ModelError(
                f"{onnx_path}: the graph takes exactly {dim.dim_value} on {axis}, the description says otherwise"
            )
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    if dtype.kind not in "uif":
        raise ModelError(f"{onnx_path}: its input is {dtype}, expected numbers")
    return dtype
