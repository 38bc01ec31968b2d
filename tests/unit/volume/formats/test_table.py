"""The tables of docs/formats.md, made from files that are written here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr

from asem_core import Volume
from asem_core.conversion.convert import convert
from asem_core.errors import VolumeError

from .test_as_people_have_them import axistags, imagej, physical, scaled, write_hdf5, write_ome
from .test_n5_hdf5_mrc import annotate, write_mrc, write_n5
from .test_other_formats import write_imaris, write_nifti, write_nrrd, write_precomputed

SIZE, PLACE = (8.0, 4.0, 5.0), (80.0, 40.0, 50.0)
Written = Callable[[Path, np.ndarray], Path]


def _imagej(path: Path, image: np.ndarray) -> Path:
    tags = {"resolution": (1 / 5, 1 / 4), "metadata": {"spacing": 8, "unit": "nm", "xorigin": 10}}
    tifffile.imwrite(path / "a.tif", image, imagej=True, **tags)
    return path / "a.tif"


def _ome_tiff(path: Path, image: np.ndarray) -> Path:
    tifffile.imwrite(path / "a.ome.tif", image, photometric="minisblack", metadata=physical("nm", *SIZE))
    return path / "a.ome.tif"


def _other_tiff(path: Path, image: np.ndarray) -> Path:
    tifffile.imwrite(path / "a.tif", image, photometric="minisblack", resolution=(2e6, 2e6), resolutionunit=3)
    return path / "a.tif"


def _png(path: Path, image: np.ndarray) -> Path:
    for number, section in enumerate(image):
        (path / f"s{number}.png").write_bytes(imagecodecs.png_encode(section))
    return path


def _own_tiff(path: Path, image: np.ndarray) -> Path:
    from asem_core.volume import open_volume

    convert(open_volume(_zarr(path, image)), path / "a.tif")
    return path / "a.tif"


def _zarr(path: Path, image: np.ndarray, *, turned: bool = False) -> Path:
    found = {"resolution": SIZE, "offset": PLACE, "axis_names": ["z", "y", "x"]}
    if turned:
        found = {key: list(values)[::-1] for key, values in found.items()}
    array = zarr.create_array(path / "a.zarr", data=image.T if turned else image, zarr_format=2)
    array.attrs.update({**found, "units": ["nm"] * 3})
    return path / "a.zarr"


def _ome(path: Path, image: np.ndarray, *, turned: bool = False) -> Path:
    axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in ("xyz" if turned else "zyx")]
    steps = [list(SIZE), [p + s / 2 for p, s in zip(PLACE, SIZE, strict=True)]]
    scale, shift = [values[::-1] for values in steps] if turned else steps
    (level,) = scaled("0", *scale)
    level["coordinateTransformations"].append({"type": "translation", "translation": shift})
    return write_ome(path / "a.zarr", image.T if turned else image, {"axes": axes, "datasets": [level]})


def _old_ome(path: Path, image: np.ndarray) -> Path:
    return write_ome(path / "a.zarr", image[None, None], {"version": "0.2"})


def _n5(path: Path, image: np.ndarray, *, turned: bool = False) -> Path:
    named = {"axis_names": ["x", "y", "z"]} if turned else {"pixelResolution": {"dimensions": [5, 4, 8], "unit": "nm"}}
    return write_n5(path / "a.n5", image.T if turned else image, offset=[50, 40, 80], **named)


def _transform(path: Path, image: np.ndarray) -> Path:
    centre = [p + s / 2 for p, s in zip(PLACE, SIZE, strict=True)]
    found = {"axes": ["z", "y", "x"], "units": ["nm"] * 3, "scale": SIZE, "translate": centre}
    return write_n5(path / "a.n5", image, transform=found)


def _hdf5(path: Path, image: np.ndarray, *, turned: bool = False) -> Path:
    found = {"element_size_um": [0.008, 0.004, 0.005], "units": "um", "offset": [0.08, 0.04, 0.05]}
    more = {"axistags": axistags("xyz")} if turned else found
    return write_hdf5(path / "a.h5", image.T if turned else image, **more)


def _mrc(path: Path, image: np.ndarray) -> Path:
    return write_mrc(path / "a.mrc", image, (50, 40, 80))


def _precomputed(path: Path, image: np.ndarray) -> Path:
    return write_precomputed(path / "a", image)


def _imaris(path: Path, image: np.ndarray) -> Path:
    return write_imaris(path / "a.ims", image)


def _nifti(path: Path, image: np.ndarray) -> Path:
    return write_nifti(path / "a.nii", image)


def _nrrd(path: Path, image: np.ndarray, *, turned: bool = False) -> Path:
    if turned:
        return write_nrrd(path / "a.nrrd", image.T, labels=["z", "y", "x"])
    return write_nrrd(path / "a.nrrd", image)


def _npy(path: Path, image: np.ndarray) -> Path:
    np.save(path / "a.npy", image)
    return path / "a.npy"


FORMATS: dict[str, tuple[Written, bool]] = {
    "TIFF of ASEM": (_own_tiff, False),
    "TIFF of ImageJ": (_imagej, False),
    "OME-TIFF": (_ome_tiff, False),
    "other TIFF": (_other_tiff, False),
    "PNG sections": (_png, False),
    "Zarr 2, 3": (_zarr, True),
    "OME-Zarr 0.4 to 0.6": (_ome, True),
    "OME-Zarr 0.1 to 0.3": (_old_ome, False),
    "N5": (_n5, True),
    "N5 of OpenOrganelle": (_transform, False),
    "HDF5": (_hdf5, True),
    "MRC": (_mrc, False),
    "precomputed of neuroglancer": (_precomputed, False),
    "Imaris": (_imaris, False),
    "NIfTI": (_nifti, False),
    "NRRD": (_nrrd, True),
    "npy": (_npy, False),
}
"""Who writes such a file, and whether it can name its axes; then that writes them as x, y, z too."""
DTYPES = ("uint8", "int8", "uint16", "int16", "float32")


def _size_and_place(path: Path, opened: Callable[..., Volume]) -> tuple[str, str]:
    try:
        volume = opened(path)
    except VolumeError:
        with pytest.raises(VolumeError, match="does not state its voxel size"):
            opened(path)
        return "not stated", "not stated"
    np.testing.assert_allclose(volume.voxel_size.zyx, SIZE, rtol=1e-6)
    if not volume.states_place:
        return "read", "not stated"
    np.testing.assert_allclose(volume.lower_edge_nm, PLACE, rtol=1e-5)  # NIfTI has float32
    return "read", "read"


def _stored(write: Written, folder: Path, image: np.ndarray, opened: Callable[..., Volume]) -> str:
    """The types of voxels that come back bit by bit."""
    kept = []
    for dtype in DTYPES:
        (folder / dtype).mkdir()
        values = (image // 2).astype(dtype)
        try:
            path = write(folder / dtype, values)
        except ValueError:  # the format has no such type
            continue
        found = opened(path, voxel_size=SIZE)
        if found.dtype == dtype:
            np.testing.assert_array_equal(found.read(found.box), values)
            kept.append(dtype)
    return ", ".join(kept)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", FORMATS)
def test_what_is_read(name, tmp_path, image, opened, root):
    write, names = FORMATS[name]
    (tmp_path / "straight").mkdir()
    size, place = _size_and_place(write(tmp_path / "straight", image.astype(np.uint16)), opened)
    axes = "z,y,x"
    if names:
        (tmp_path / "turned").mkdir()
        volume = opened(write(tmp_path / "turned", image, turned=True), voxel_size=SIZE)
        np.testing.assert_array_equal(volume.read(volume.box), image)
        axes = "by name"
    row = f"| {name} | {size} | {place} | {axes} | {_stored(write, tmp_path, image, opened)} |"
    assert row in (root / "docs" / "formats.md").read_text()


def _two_channels(path: Path, image: np.ndarray) -> Path:
    tifffile.imwrite(path / "a.tif", np.stack([image, image], 1), imagej=True, metadata={"axes": "ZCYX"})
    return path / "a.tif"


def _two_images(path: Path, image: np.ndarray) -> Path:
    with tifffile.TiffWriter(path / "a.ome.tif") as tif:
        for each in (image, image):
            tif.write(each, photometric="minisblack", metadata={"axes": "ZYX"})
    return path / "a.ome.tif"


def _pixels(path: Path, image: np.ndarray) -> Path:
    imagej(path / "a.tif", image, "pixel", 4)
    return path / "a.tif"


def _zero(path: Path, image: np.ndarray) -> Path:
    return write_hdf5(path / "a.h5", image, element_size_um=[0.0, 0.0, 0.0])


def _some_axes(path: Path, image: np.ndarray) -> Path:
    names: Any = ["slice", "y", "x"]
    zarr.create_array(path / "a.zarr", data=image, dimension_names=names)
    return path / "a.zarr"


def _big_data_viewer(path: Path, image: np.ndarray) -> Path:
    write_n5(path / "setup0/timepoint0/s0", image)
    annotate(path / "setup0/timepoint0", resolution=[4, 4, 8], multiScale=True)
    return path / "setup0/timepoint0"


def _multiset(path: Path, image: np.ndarray) -> Path:
    return write_n5(path / "a.n5", image, isLabelMultiset=True)


def _colour(path: Path, image: np.ndarray) -> Path:
    for n, section in enumerate(image):
        tifffile.imwrite(path / f"s{n}.tif", np.dstack([section] * 3), photometric="rgb")
    return path


REFUSED: dict[str, Written] = {
    "voxel size without a unit of length": _pixels,
    "voxel size that is 0": _zero,
    "unit in another file": _big_data_viewer,
    "axes of which only some are named": _some_axes,
    "channels or time points": _two_channels,
    "two images in one TIFF": _two_images,
    "colour": _colour,
    "label multiset": _multiset,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name, tmp_path, image, opened, root):
    path = REFUSED[name](tmp_path, image)
    with pytest.raises(VolumeError) as refused:
        opened(path)
    said = re.sub(rf"^{re.escape(str(tmp_path))}\S*: ", "", str(refused.value))
    assert f"| {name} | {said} |" in (root / "docs" / "formats.md").read_text()
