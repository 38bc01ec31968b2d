"""The PyTorch weights of a package, written from its graph without PyTorch; the same graph gives the same bytes."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.zoo.guard.onnx_file import load_onnx

_PREFIX, _HALF = "network.", "_fp16"
_STORAGES = {"float16": "HalfStorage", "float32": "FloatStorage"}
_ALIGNED = 64
"""Bytes to which PyTorch aligns values, so that they can be mapped into memory."""
_LOCAL_HEADER, _EXTRA_HEADER = 30, 4
_TIME = (1980, 1, 1, 0, 0, 0)


def graph_tensors(onnx: Path) -> dict[str, npt.NDArray[Any]]:
    """Weights and biases in the graph of a package of ours as they are stored, by their names in its PyTorch file.

    Raises
    ------
    ModelError
        It is no ONNX file, or holds no such values.
    """
    from onnx import TensorProto, numpy_helper

    stored = [tensor for tensor in load_onnx(onnx).graph.initializer if tensor.name.startswith(_PREFIX)]
    if not stored or any(tensor.data_location == TensorProto.EXTERNAL for tensor in stored):
        raise ModelError(f"{onnx} does not hold the weights of a network of ASEM: name one that `asem zoo list` shows")
    return {tensor.name.removesuffix(_HALF): numpy_helper.to_array(tensor) for tensor in stored}


def state_dict_bytes(onnx: Path) -> bytes:
    """What ``torch.save`` makes of the weights in the graph of a package of ours: a zip of a pickle and their values.

    Raises
    ------
    ModelError
        It is no ONNX file, or not that of a package of ours.

    Examples
    --------
    >>> state_dict_bytes(Path("models/mito_10nm/weights.onnx"))[:2]  # doctest: +SKIP
    b'PK'
    """
    tensors = graph_tensors(onnx)
    strange = {values.dtype.name for values in tensors.values()} - _STORAGES.keys()
    if strange:
        raise ModelError(f"{onnx} stores weights as {', '.join(sorted(strange))}, expected float16 or float32")
    records = {"data.pkl": _pickled(tensors), "byteorder": b"little"}
    for key, values in enumerate(tensors.values()):
        records[f"data/{key}"] = values.astype(values.dtype.newbyteorder("<")).tobytes()
    records["version"] = b"3\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in records.items():
            entry = zipfile.ZipInfo(f"weights/{name}", _TIME)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            gap = -(buffer.tell() + _LOCAL_HEADER + len(entry.filename) + _EXTRA_HEADER) % _ALIGNED
            entry.extra = struct.pack("<2sH", b"FB", gap) + bytes(gap)
            archive.writestr(entry, content)
    return buffer.getvalue()


def _pickled(tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """A mapping of names to tensors whose values lie beside it; its classes are named, so none need be there."""
    parts = [pickle.PROTO, b"\x02", _ordered_dict(), pickle.MARK]
    for key, (name, values) in enumerate(tensors.items()):
        storage = _class("torch", _STORAGES[values.dtype.name])
        place = _tuple(_text("storage"), storage, _text(str(key)), _text("cpu"), _number(values.size))
        steps = np.array(values.strides) // values.itemsize
        shape = (_tuple(*map(_number, values.shape)), _tuple(*map(_number, steps)))
        tensor = _tuple(place + pickle.BINPERSID, _number(0), *shape, pickle.NEWFALSE, _ordered_dict())
        parts += [_text(name), _class("torch._utils", "_rebuild_tensor_v2"), tensor, pickle.REDUCE]
    return b"".join([*parts, pickle.SETITEMS, pickle.STOP])


def _ordered_dict() -> bytes:
    return _class("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE


def _class(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _tuple(*parts: bytes) -> bytes:
    return pickle.MARK + b"".join(parts) + pickle.TUPLE


def _text(text: str) -> bytes:
    return pickle.BINUNICODE + struct.pack("<I", len(text.encode())) + text.encode()


def _number(number: int) -> bytes:
    return pickle.BININT + struct.pack("<i", number)
