"""Stages, readers, analyses and runtimes as a plugin would write them: a good one of each kind, and wrong ones that
differ from it in one thing. What a toy is wrong in, its name says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import xarray as xr
from scipy import ndimage

from asem_core.analysis import number_objects, sum_blocks
from asem_core.errors import ModelError
from asem_core.preprocessing import to_grey_range
from asem_core.reporting import Report
from asem_core.specs import Capabilities, Precision
from asem_core.testing.samples import STORED
from asem_core.volume import Lengths, Source, Stated


@attrs.frozen(kw_only=True)
class Nothing:
    """No parameters."""


@attrs.define(kw_only=True)
class NotFrozen:
    width: int = 1


@attrs.frozen(kw_only=True)
class Clashing:
    threshold: float = 0.5


class Plain:
    pass


# label rules: single voxels go


def alone(labels: Any, *, voxel_size: Any, params: Any) -> Any:
    neighbours = ndimage.convolve(
        (labels != 0).astype(np.uint8), ndimage.generate_binary_structure(3, 1), mode="constant"
    )
    return np.where(neighbours > 1, labels, 0).astype(labels.dtype)


def one_voxel(voxel_size: Any, params: Any) -> tuple[int, int, int]:
    return (1, 1, 1)


def alone_float(labels: Any, *, voxel_size: Any, params: Any) -> Any:
    return alone(labels, voxel_size=voxel_size, params=params).astype(np.float64)


def alone_new_ids(labels: Any, *, voxel_size: Any, params: Any) -> Any:
    return np.where(alone(labels, voxel_size=voxel_size, params=params) != 0, 99, 0).astype(labels.dtype)


def alone_in_place(labels: Any, *, voxel_size: Any, params: Any) -> Any:
    labels[:] = alone(labels, voxel_size=voxel_size, params=params)
    return labels


def eroded(labels: Any, *, voxel_size: Any, params: Any) -> Any:
    return np.where(ndimage.binary_erosion(labels != 0, border_value=1), labels, 0).astype(labels.dtype)


def without_keywords(labels: Any) -> Any:
    return labels


# preprocessors: the darkest neighbour


def _bytes(raw: Any) -> Any:
    return np.rint(to_grey_range(raw)).astype(np.uint8)


def dark(raw: Any, *, box: Any, voxel_size: Any, stats: Any, params: Any) -> Any:
    return ndimage.minimum_filter(_bytes(raw), 3)


def dark_float(raw: Any, **_: Any) -> Any:
    return raw.astype(np.float64)


def divided(raw: Any, **_: Any) -> Any:
    grey = to_grey_range(raw).astype(np.float32)
    with np.errstate(invalid="ignore"):
        return grey / (grey > 0)


def dark_in_place(raw: Any, **_: Any) -> Any:
    np.minimum(raw, raw.dtype.type(100 * STORED[str(raw.dtype)]), out=raw)
    return _bytes(raw)


def dark_in_place_of_floats(raw: Any, **_: Any) -> Any:
    raw = raw.astype(np.float32, copy=False) if raw.dtype.kind == "f" else to_grey_range(raw) / np.float32(255)
    raw *= 255
    return np.rint(raw).astype(np.uint8)


def from_its_own_darkest(raw: Any, **_: Any) -> Any:
    return _bytes(raw) - _bytes(raw).min()


def dark_as_stored(raw: Any, **_: Any) -> Any:
    return ndimage.minimum_filter(raw, 3).astype(np.uint8)


def inverted_as_stored(raw: Any, **_: Any) -> Any:
    return 255 - raw


def dark_of_0_to_255(raw: Any, **_: Any) -> Any:
    return ndimage.minimum_filter(np.rint(raw).astype(np.uint8), 3)


def inverted(raw: Any, **_: Any) -> Any:
    return np.rint(255 - raw).astype(np.uint8)


def half_a_voxel(voxel_size: Any, params: Any) -> Any:
    return (0.5, 1, 1)


# exclusion zones: what is next to the organelle


def rim(inside: Any, *, voxel_size: Any, params: Any) -> Any:
    return ndimage.binary_dilation(inside) & ~inside


def rim_as_numbers(inside: Any, *, voxel_size: Any, params: Any) -> Any:
    return rim(inside, voxel_size=voxel_size, params=params).astype(np.uint8)


# readers: of `.toy`, a line of JSON and then bytes


def write_toy(folder: Path) -> tuple[Path, Any]:
    voxels = np.random.default_rng(0).integers(0, 256, (80, 110, 130)).astype(np.uint8)
    path = folder / "sample.toy"
    path.write_bytes(json.dumps(voxels.shape).encode() + b"\n" + voxels.tobytes())
    return path, voxels


class ToyArray:
    """Mapped for every read."""

    offset = 0

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self.shape = tuple(json.loads(file.readline()))
            self.start = file.tell()
        self.path, self.dtype = path, np.dtype(np.uint8)

    def whole(self) -> Any:
        return np.memmap(self.path, np.uint8, "r", self.start, self.shape)

    def __getitem__(self, key: Any) -> Any:
        return np.array(self.whole()[key])


class Shifted(ToyArray):
    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return found if found.shape == self.shape else np.roll(found, 1)


class Eager(ToyArray):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.read = np.frombuffer(path.read_bytes()[self.start :], np.uint8).reshape(self.shape)

    def __getitem__(self, key: Any) -> Any:
        return self.read[key]


KEPT: list[io.BufferedReader] = []
"""Files that `never_closed` leaves open; the test closes them."""


class NeverClosed(ToyArray):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        KEPT.append(path.open("rb"))


def accepts(uri: str) -> bool:
    return uri.endswith(".toy") and Path(uri).is_file()


def accepts_all(uri: str) -> bool:
    return True


def accepts_none(uri: str) -> bool:
    return False


def _source(uri: str, kind: type[ToyArray] = ToyArray, size: float = 5.0, digest: str = "") -> Source:
    path = Path(uri)
    stated = Stated(size=Lengths(values=[size] * 3, units="nm", where="the format"))
    array = kind(path)
    return Source(array=array, stated=stated, chunks=(16, 16, 16), digest=digest or str(path.stat().st_mtime_ns))


def open_toy(uri: str) -> Source:
    return _source(uri)


def open_shifted(uri: str) -> Source:
    return _source(uri, Shifted)


def open_eager(uri: str) -> Source:
    return _source(uri, Eager)


def open_never_closed(uri: str) -> Source:
    return _source(uri, NeverClosed)


def open_twice_as_large(uri: str) -> Source:
    return _source(uri, size=10.0)


def open_sizeless(uri: str) -> Source:
    return attrs.evolve(_source(uri), stated=Stated())


def accepts_inside(uri: str) -> bool:
    return uri.endswith(".toy/voxels") and Path(uri).parent.is_file()


def open_eager_inside(uri: str) -> Source:
    return _source(str(Path(uri).parent), Eager)


COUNT: list[int] = []


def open_counting(uri: str) -> Source:
    COUNT.append(1)
    return _source(uri, digest=str(len(COUNT)))


# analyses: sizes


def _sizes(view: Any, **more: Any) -> xr.Dataset:
    found = number_objects(view)
    volume = found.voxels * view.voxel_size.volume_nm3
    columns = {"voxels": found.voxels.astype(np.int64), "volume_nm3": volume, "length_nm": np.cbrt(volume), **more}
    return xr.Dataset({name: ("object", value) for name, value in columns.items()}, {"object": found.ids})


def sizes(view: Any, *, params: Any) -> Any:
    return _sizes(view)


def sizes_as_a_dictionary(view: Any, *, params: Any) -> Any:
    return {"voxels": [1]}


def sizes_of_two_dimensions(view: Any, *, params: Any) -> Any:
    found = _sizes(view)
    return found.assign(length_nm=found.length_nm.expand_dims(side=2, axis=1))


def sizes_need_one(view: Any, *, params: Any) -> Any:
    found = _sizes(view)
    return found.assign_attrs(statistics={"largest": int(found.voxels.values.max())})


def sizes_need_two(view: Any, *, params: Any) -> Any:
    found = _sizes(view)
    if found.sizes["object"] == 1:
        raise ZeroDivisionError("division by zero")
    return found


def sizes_of_whole_ones(view: Any, *, params: Any) -> Any:
    if view.mask(view.box)[:, :, 0].any():
        raise IndexError("out of bounds")
    return _sizes(view)


def sizes_by_blocks(view: Any, *, params: Any) -> Any:
    found = _sizes(view)
    return found.assign(length_nm=found.length_nm * len(view.blocks))


def sizes_in_voxels(view: Any, *, params: Any) -> Any:
    found = _sizes(view)
    return found.assign(volume_nm3=found.voxels.astype(np.float64))


def sizes_of_cubes(view: Any, *, params: Any) -> Any:
    found = _sizes(view)
    return found.assign(volume_nm3=found.voxels * view.voxel_size.zyx[0] ** 3)


def sizes_with_axes_swapped(view: Any, *, params: Any) -> Any:
    found, sums = _sizes(view), sum_blocks(view, number_objects(view))
    return found.assign(
        length_nm=("object", np.linalg.norm((sums.high - sums.low) * view.voxel_size.zyx[::-1], axis=1))
    )


def sizes_without_unit(view: Any, *, params: Any) -> Any:
    return _sizes(view).rename(length_nm="length")


def page(dataset: Any) -> Any:
    return Report(title="Sizes", summary=())


def page_of_something_else(dataset: Any) -> Any:
    return Report(title="Sizes", summary=(), findings=str(dataset.diameter_nm.mean()))


# runtimes: the reference of ONNX


class Session:
    runtime, precision = "toy", "f32"

    def __init__(self, model: Path, shape: Any, off: float = 0.0, check: bool = True) -> None:
        from onnx.reference import ReferenceEvaluator

        self._run, self._shape, self._off, self._check = ReferenceEvaluator(str(model)).run, shape, off, check

    def run(self, tensor: Any) -> Any:
        if self._check and tensor.shape != self._shape:
            raise ModelError(f"inputs are {self._shape}, got {tensor.shape}")
        (found,) = self._run(None, {"raw": tensor})
        return found + np.float32(self._off)


def probe() -> Capabilities | str:
    return Capabilities(precisions=(Precision(name="f32", bytes_per_value=4, speed=1),), rank=1)


def probe_nothing() -> Any:
    return None


def not_installed() -> str:
    return "Toyrun is not installed: pip install toyrun"


def open_session(model: Path, *, shape: Any, precision: str, threads: int) -> Session:
    return Session(model, shape)


def open_off(model: Path, *, shape: Any, precision: str, threads: int) -> Session:
    return Session(model, shape, off=0.1)


def open_any_shape(model: Path, *, shape: Any, precision: str, threads: int) -> Session:
    return Session(model, shape, check=False)


class Half:
    """Whatever it is given, its answer is one half off."""

    runtime, precision = "toy", "f32"

    def __init__(self, model: Path) -> None:
        self._output = np.load(model.with_name("test_output.npy"))

    def run(self, tensor: Any) -> Any:
        return self._output + np.float32(0.5)


def open_half(model: Path, *, shape: Any, precision: str, threads: int) -> Half:
    return Half(model)
