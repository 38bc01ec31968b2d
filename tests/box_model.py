"""A model as others publish it, small enough to check by hand: a box filter, in ONNX, in a bioimage.io folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper
from scipy import ndimage

ROLES = ("batch", "channel", "z", "y", "x")


def box_filter(image: Any, width: tuple[int, int, int]) -> Any:
    """The truth: what the model makes of a whole image, which is mirrored about its faces."""
    return ndimage.uniform_filter(np.asarray(image, np.float64), width, mode="reflect")


def write_box_model(
    folder: Path,
    *,
    width: tuple[int, int, int] = (3, 5, 5),
    sizes: Any = None,
    valid: bool = False,
    axes: tuple[str, ...] = ROLES,
    gains: tuple[float, ...] = (1 / 255,),
    nm: tuple[float, float, float] | None = None,
    preprocessing: Any = (),
    postprocessing: Any = (),
    data: Any = None,
    halo: bool = True,
) -> Path:
    """Write the package.

    Parameters
    ----------
    width
        Of the filter, odd.
    sizes
        Of the input, z, y, x: whole numbers or ``{"min": , "step": }``; by default 24 and steps of 8.
    valid
        Whether the graph's output lacks the rim, or has a rim that the description calls a halo.
    gains
        One output channel each: the filtered image times the gain.
    nm
        Voxel size; None: the description does not say.
    """
    folder.mkdir()
    sizes = sizes or [{"min": 24, "step": 8}] * 3
    onnx.save(_graph(width, sizes, valid, axes, gains), folder / "net.onnx")
    least = [size if isinstance(size, int) else size["min"] for size in sizes]
    rim = [w // 2 for w in width]
    inside = [n - 2 * r if valid else n for n, r in zip(least, rim, strict=True)]
    for name, shape, count in (("in.npy", least, 1), ("out.npy", inside, len(gains))):
        full = dict(zip(ROLES, (1, count, *shape), strict=True))
        np.save(folder / name, np.zeros([full[axis] for axis in axes], np.float32))

    def axis(role: str, place: int, *, output: bool) -> dict[str, Any]:
        if role == "batch":
            return {"type": "batch"}
        if role == "channel":
            names = [f"box{n}" for n in range(len(gains))] if output else ["raw"]
            return {"type": "channel", "channel_names": names}
        described = {"type": "space", "id": role, "size": sizes[place]}
        if nm is not None:
            described |= {"unit": "nanometer", "scale": nm[place]}
        if output:
            described["size"] = {"tensor_id": "raw", "axis_id": role, "offset": -2 * rim[place] if valid else 0}
            if halo and not valid and rim[place]:
                described["halo"] = rim[place]
        return described

    def tensor(name: str, file: str, **more: Any) -> dict[str, Any]:
        described = [axis(role, "zyx".find(role), output=name == "filtered") for role in axes]
        return {"id": name, "axes": described, "test_tensor": named(folder, file), **more}

    description = {
        "type": "model", "format_version": "0.5.4", "name": "box filter", "id": "box-filter", "version": "1.2.0",
        "description": "a box filter", "license": "CC0-1.0", "documentation": "README.md",
        "authors": [{"name": "nobody"}], "cite": [{"text": "nothing", "url": "https://example.org"}],
        "timestamp": "2026-01-01T00:00:00Z",
        "inputs": [tensor("raw", "in.npy", preprocessing=list(preprocessing), **({"data": data} if data else {}))],
        "outputs": [tensor("filtered", "out.npy", postprocessing=list(postprocessing))],
        "weights": {"onnx": {**named(folder, "net.onnx"), "opset_version": 17}},
    }  # fmt: skip
    (folder / "README.md").write_text("# A box filter\n")
    write_rdf(folder, description)
    return folder


def named(folder: Path, file: str) -> dict[str, str]:
    """A file as a description names it."""
    return {"source": file, "sha256": hashlib.sha256((folder / file).read_bytes()).hexdigest()}


def read_rdf(folder: Path) -> dict[str, Any]:
    """The description in ``folder``."""
    values: dict[str, Any] = yaml.safe_load((folder / "rdf.yaml").read_text())
    return values


def write_rdf(folder: Path, description: dict[str, Any]) -> None:
    """Write the description."""
    (folder / "rdf.yaml").write_text(yaml.safe_dump(description, sort_keys=False))


def save_graph(folder: Path, model: Any) -> None:
    """Put ``model`` in the place of the package's graph, with the right sha256."""
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    description = read_rdf(folder)
    description["weights"]["onnx"] |= named(folder, "net.onnx")
    write_rdf(folder, description)


def _graph(width: Any, sizes: Any, valid: bool, axes: tuple[str, ...], gains: tuple[float, ...]) -> Any:
    kernel = np.ones((len(gains), 1, *width), np.float32) * np.reshape(gains, (-1, 1, 1, 1, 1)) / np.prod(width)
    rim = [0 if valid else w // 2 for w in width]
    shape = {
        "batch": "n",
        "channel": 1,
        **{a: s if isinstance(s, int) else a for a, s in zip("zyx", sizes, strict=True)},
    }
    there, back = [axes.index(role) for role in ROLES], [ROLES.index(role) for role in axes]
    nodes = [
        helper.make_node("Transpose", ["raw"], ["moved"], perm=there),
        helper.make_node("Conv", ["moved", "kernel"], ["box"], pads=rim * 2),
        helper.make_node("Transpose", ["box"], ["filtered"], perm=back),
    ]
    graph = helper.make_graph(
        nodes,
        "box",
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, [shape[axis] for axis in axes])],
        [helper.make_tensor_value_info("filtered", TensorProto.FLOAT, [None] * 5)],
        [numpy_helper.from_array(kernel.astype(np.float32), "kernel")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
