"""Files as layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from asem_annotate import cut
from asem_annotate.session import begin

from ..cells import make_cell

GREY, TRUTH = make_cell()


def test_a_volume_lies_in_nm_where_it_says(viewer: Any, cell: Path) -> None:
    (layer,) = viewer.open(str(cell), plugin="asem-annotate")
    assert layer.name == "cell"
    assert layer.multiscale
    assert [level.shape for level in layer.data] == [(24, 40, 176), (12, 20, 88)]
    assert tuple(layer.scale) == (10, 10, 10)
    assert tuple(layer.translate) == (105, 205, 305)
    assert {str(unit) for unit in layer.units} == {"nanometer"}
    low, high = layer.contrast_limits
    assert GREY.min() <= low < np.percentile(GREY, 5)
    assert np.percentile(GREY, 95) < high <= GREY.max()
    assert np.array_equal(np.asarray(layer.data[0][3, :, :44]), GREY[3])


def test_labels_come_along_in_the_colour_of_their_organelle(viewer: Any, cell: Path) -> None:
    session = begin(cell, cell.with_name("seeds.zarr"), organelle="er")
    session.seeds[12, :, :44] = np.where(TRUTH[12] == 2, 2, 1)
    session.keep()
    cut(cell, session.file.path, output=cell.with_name("cut.zarr"), organelle="er")
    image, er, _ = viewer.open(str(cell.with_name("cut.zarr")), plugin="asem-annotate")
    assert (image.name, er.name) == ("cut", "er")
    assert type(er).__name__ == "Labels"
    assert np.allclose(er.get_color(1)[:3], np.array([0, 158, 115]) / 255, atol=0.01)
    assert tuple(er.translate) == tuple(image.translate)


def test_a_probability_map_is_called_what_it_is(viewer: Any, cell: Path) -> None:
    import zarr

    made = {"made_by": "asem segment", "asem_core": "0", "label_images": ["mito"]}
    zarr.open_group(cell, mode="r+").attrs["asem"] = made
    (layer,) = viewer.open(str(cell), plugin="asem-annotate")
    assert layer.name == "mito probability"
    assert tuple(layer.contrast_limits) == (0, 255)


def test_without_a_voxel_size_pixels_are_shown(viewer: Any, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "stack.tif", GREY, photometric="minisblack")
    (layer,) = viewer.open(str(tmp_path / "stack.tif"), plugin="asem-annotate")
    assert {str(unit) for unit in layer.units} == {"pixel"}
    assert layer.data.shape == GREY.shape


def test_what_is_no_volume_is_left_to_others(tmp_path: Path) -> None:
    from asem_annotate.viewer.reader import get_reader

    (tmp_path / "notes.tif").write_text("no image")
    assert get_reader(str(tmp_path / "notes.tif")) is None
    assert get_reader([str(tmp_path / "a.tif"), str(tmp_path / "b.tif")]) is None
