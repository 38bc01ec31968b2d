"""A thousand damaged headers: no traceback, and where no number was changed, no other voxel size."""

from __future__ import annotations

import copy
import json
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from asem_core import Registry, Volume
from asem_core.errors import AsemError
from asem_core.geometry import Box, VoxelSize
from asem_core.plugins import make_manager
from asem_core.volume import open_volume

from .test_as_people_have_them import imagej, physical, write_ome
from .test_n5_hdf5_mrc import write_mrc, write_n5
from .test_other_formats import write_imaris, write_nifti, write_nrrd, write_precomputed

REGISTRY = Registry(make_manager([]))
IMAGE = np.random.default_rng(7).integers(0, 256, (4, 9, 11)).astype(np.uint8)
SIZE = VoxelSize((8, 4, 5))
GARBAGE: list[Any] = [
    None, True, 0, -1, -4.5, float("nan"), float("inf"), "", " ", "pixel", "abc", "z\0", [], {}, [[]], [None], [8],
    {"a": [1]}, 10**400, "\ud7ff", "../..",
]  # fmt: skip
"""Values none of which is a length, a unit or an axis."""
EXAMPLES = 64
"""For each of sixteen kinds of header."""

many = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def opened(path: Path) -> Volume | None:
    """The volume, with a voxel of it read; None where it was refused, as an error of ours."""
    volume = None
    for size in (None, (5, 5, 5)):
        with suppress(AsemError):
            found = open_volume(path, registry=REGISTRY, voxel_size=size)
            volume = found if size is None else volume
            assert found.read(Box((0, 0, 0), (1, 1, 1))).shape == (1, 1, 1)
    return volume


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in nested JSON something stands."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from paths_in(child, (*path, key))


def mutated(found: Any, data: st.DataObject) -> Any:
    """``found`` with one thing in it replaced or removed."""
    found = copy.deepcopy(found)
    *above, last = data.draw(st.sampled_from(list(paths_in(found))))
    holder = found
    for key in above:
        holder = holder[key]
    if data.draw(st.integers(0, 3)) == 0:
        del holder[last]
    else:
        holder[last] = data.draw(st.sampled_from(GARBAGE))
    return found


AXES = [{"name": axis, "type": "space", "unit": "nanometer"} for axis in "zyx"]
SCALED = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [8.0, 4.0, 5.0]}]}]
SYSTEMS = [{"name": "world", "axes": AXES}]


def plain(path: Path, version: int) -> str:
    names: Any = {"dimension_names": ["z", "y", "x"]} if version == 3 else {}
    array = zarr.create_array(path, data=IMAGE, zarr_format=version, **names)
    more = {} if version == 3 else {"axis_names": ["z", "y", "x"]}
    array.attrs.update({"resolution": [8, 4, 5], "units": ["nm"] * 3, "offset": [0, 0, 0], **more})
    return "zarr.json" if version == 3 else ".zattrs"


def ome(path: Path, version: int) -> str:
    multiscale = {"coordinateSystems": SYSTEMS} if version == 3 else {"axes": AXES, "version": "0.4"}
    write_ome(path, IMAGE, {**multiscale, "datasets": SCALED}, version=version)
    return "zarr.json" if version == 3 else ".zattrs"


def n5(path: Path, _: int) -> str:
    write_n5(path, IMAGE, pixelResolution={"dimensions": [5, 4, 8], "unit": "nm"}, offset=[0, 0, 0])
    return "attributes.json"


def transform(path: Path, _: int) -> str:
    found = {"axes": ["z", "y", "x"], "units": ["nm"] * 3, "scale": [8, 4, 5], "translate": [4, 2, 2.5]}
    write_n5(path, IMAGE, transform=found)
    return "attributes.json"


def precomputed(path: Path, _: int) -> str:
    write_precomputed(path, IMAGE)
    return "info"


JSON = {
    "zarr 2": (plain, 2), "zarr 3": (plain, 3), "ome-zarr 0.4": (ome, 2), "ome-zarr 0.6": (ome, 3), "n5": (n5, 0),
    "n5 transform": (transform, 0), "precomputed": (precomputed, 0),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", JSON)
@given(data=st.data())
@many
def test_json(kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    make, version = JSON[kind]
    path = tmp_path_factory.getbasetemp() / f"mutated {kind}"
    shutil.rmtree(path, ignore_errors=True)
    file = path / make(path, version)
    assert opened(path).voxel_size == SIZE
    header = file if data.draw(st.booleans()) or version != 2 or make is ome else path / ".zarray"
    header.write_text(json.dumps(mutated(json.loads(header.read_text()), data)))
    volume = opened(path)
    assert volume is None or volume.voxel_size == SIZE


def edit_bytes(path: Path, data: st.DataObject, first: int, last: int) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(first, min(last, len(content)) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)


@pytest.mark.slow
@given(data=st.data())
@many
def test_mrc(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.mrc"
    path.unlink(missing_ok=True)
    write_mrc(path, IMAGE.astype(np.uint16), (50, 40, 80))
    edit_bytes(path, data, 0, 224)
    opened(path)


def npy(path: Path, image: np.ndarray) -> None:
    np.save(path, image)


FILES: dict[str, tuple[Callable[..., Any], int]] = {
    "a.nii": (write_nifti, 352), "a.nrrd": (write_nrrd, 250), "a.npy": (npy, 128)
}  # fmt: skip
"""Who writes such a file, and the bytes of its header."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@many
def test_other_files(name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    write, header = FILES[name]
    path = tmp_path_factory.getbasetemp() / f"mutated {name}"
    path.unlink(missing_ok=True)
    write(path, IMAGE)
    edit_bytes(path, data, 0, header)
    opened(path)


@pytest.mark.slow
@given(data=st.data())
@many
def test_imaris(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.ims"
    path.unlink(missing_ok=True)
    write_imaris(path, IMAGE)
    channel = "DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"
    with h5py.File(path, "r+") as file:
        holder = file[data.draw(st.sampled_from(["DataSetInfo/Image", channel]))].attrs
        name = data.draw(st.sampled_from(sorted(holder)))
        if data.draw(st.booleans()):
            del holder[name]
        else:
            text = str(data.draw(st.sampled_from(GARBAGE[2:]))) or " "
            holder[name] = np.bytes_(text.encode("ascii", "replace"))
    volume = opened(path)
    assert volume is None or volume.voxel_size.matches(SIZE, tolerance=1e-6) or name.startswith("Ext")


def imagej_tiff(path: Path) -> None:
    imagej(path, IMAGE, "nm", 4)


def ome_tiff(path: Path) -> None:
    tifffile.imwrite(path, IMAGE, photometric="minisblack", metadata=physical("nm", 8, 4, 5))


def folder(path: Path) -> None:
    path.mkdir()
    for number, section in enumerate(IMAGE):
        tifffile.imwrite(path / f"s{number}.tif", section, compression="zlib", rowsperstrip=4)


def headers_of(path: Path) -> tuple[Path, int, int]:
    """A file, and where in it its first header and description lie."""
    file = path / "s1.tif" if path.is_dir() else path
    (start,) = struct.unpack("<I" if file.read_bytes()[:2] == b"II" else ">I", file.read_bytes()[4:8])
    return file, start, start + 600


@pytest.mark.slow
@pytest.mark.parametrize("make", [imagej_tiff, ome_tiff, folder])
@given(data=st.data())
@many
def test_tiff(make: Callable[[Path], None], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / f"mutated {make.__name__}.tif"
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)
    make(path)
    file, first, last = headers_of(path)
    edit_bytes(file, data, first, last)
    opened(path)


@pytest.mark.slow
@given(data=st.data())
@many
def test_hdf5(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.h5"
    tags = {"axes": [{"key": axis, "typeFlags": 2} for axis in "zyx"]}
    stated = {"element_size_um": [0.008, 0.004, 0.005], "offset": [0.0, 0.0, 0.0], "axistags": tags}
    name = data.draw(st.sampled_from(["element_size_um", "offset", "axistags"]))
    stated[name] = mutated({"value": stated[name]}, data).get("value")
    assume(
        stated[name] is not True and True not in (stated[name] if isinstance(stated[name], list) else ())
    )  # HDF5: 1.0
    with h5py.File(path, "w") as file:
        attributes = file.create_dataset("raw", data=IMAGE).attrs
        for key, value in stated.items():
            text = json.dumps(value) if key == "axistags" or isinstance(value, dict | list) else value
            try:
                attributes[key] = value if key != "axistags" and value is not None else text or "null"
            except (TypeError, ValueError, OverflowError):  # what HDF5 cannot hold
                attributes[key] = json.dumps(str(text))
    volume = opened(path)
    assert volume is None or volume.voxel_size.matches(SIZE, tolerance=1e-9)
