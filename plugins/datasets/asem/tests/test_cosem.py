"""Every known trap of COSEM ground truth, each with a known answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from asem_dataset_asem.cosem.classes import classes_of, parse_classes
from asem_dataset_asem.cosem.frame import place_crop
from asem_dataset_asem.cosem.importing import Imported, import_crop

from asem_core.errors import AsemError, GeometryError, VolumeError
from asem_core.geometry import Box
from asem_core.volume import open_labels, open_volume

CYTOSOL = 36


def imported(crop: Path, raw: Path, organelle: str = "er", **options: Any) -> Imported:
    classes = options.pop("classes", None) or classes_of(organelle)
    block = options.pop("block", (64, 64, 64))
    volume = open_volume(raw)
    frame = place_crop(open_volume(crop), volume, **options)
    return import_crop(
        frame, volume, crop.parent / "out.zarr", organelle=organelle, classes=classes, block=block, overwrite=True
    )


def labels(found: Imported, name: str = "er") -> npt.NDArray[Any]:
    volume = open_labels(found.path, name)
    return volume.read(volume.box)


@pytest.fixture
def raw(n5: Any) -> Path:
    """30 x 40 x 50 voxels of 4 nm."""
    return n5("raw", np.random.default_rng(0).integers(0, 256, (30, 40, 50)).astype(np.uint8))


def test_offsets_are_nm_on_raws_frame_and_axes_are_turned(n5: Any, raw: Path) -> None:
    """One voxel of raw at 5,6,7 is ER: eight voxels of a crop that begins at 16,20,24 nm."""
    ids = np.full((8, 10, 12), CYTOSOL, np.uint8)
    ids[2:4, 2:4, 2:4] = 16
    found = imported(n5("crop", ids, voxel=(2, 2, 2), offset=(16, 20, 24)), raw)
    assert found.box == Box((4, 5, 6), (8, 10, 12))
    assert np.argwhere(labels(found)).tolist() == [[1, 1, 1]]
    image = open_volume(found.path)
    assert image.lower_edge_nm == (16, 20, 24)
    np.testing.assert_array_equal(image.read(image.box), open_volume(raw).read(found.box))


def test_half_resolution_takes_the_majority_not_every_second_voxel(n5: Any, raw: Path) -> None:
    """Voxels of raw along x: 4 of 8 (a tie: organelle), 3 of 8, membrane with lumen, the corner alone."""
    ids = np.full((2, 2, 8), CYTOSOL, np.uint8)
    ids[0, :, 0:2] = 16
    ids[0, :, 2:4] = 16
    ids[0, 0, 2] = CYTOSOL
    ids[:, :, 4], ids[0, 0, 5] = 16, 17
    ids[0, 0, 6] = 16
    ids[1, 1, 4] = CYTOSOL
    found = imported(n5("crop", ids, voxel=(2, 2, 2)), raw)
    assert labels(found).ravel().tolist() == [1, 0, 1, 0]


def test_classes_of_an_organelle_are_added_before_they_are_compared(n5: Any, raw: Path) -> None:
    """Three voxels of membrane and two of lumen outvote three of cytosol, though no class has more than cytosol."""
    ids = np.array([16, 16, 16, 17, 17, CYTOSOL, CYTOSOL, CYTOSOL], np.uint8).reshape(2, 2, 2)
    assert labels(imported(n5("crop", ids, voxel=(2, 2, 2)), raw)).ravel().tolist() == [1]


def test_not_annotated_is_a_mask(n5: Any, raw: Path) -> None:
    ids = np.full((4, 4, 4), CYTOSOL, np.uint16)
    ids[:2] = 0
    ids[2:, :2, :2] = 17
    found = imported(n5("crop", ids), raw)
    assert labels(found, "annotated").tolist() == (ids != 0).astype(int).tolist()
    assert labels(found).tolist() == (ids == 17).astype(int).tolist()
    assert (found.organelle_voxels, found.annotated_voxels) == (8, 32)
    with pytest.raises(AsemError, match="nothing is annotated in this crop"):
        imported(n5("empty", np.zeros((4, 4, 4), np.uint8)), raw)


def test_raw_mirrored_in_y_mirrors_place_and_voxels(n5: Any, raw: Path) -> None:
    """Raw has 40 rows: a crop of rows 6..9 lies in rows 30..33, its first row last."""
    ids = np.full((4, 4, 4), CYTOSOL, np.uint8)
    ids[0, 0, 0] = 16
    crop = n5("crop", ids, offset=(8, 24, 12))
    found = imported(crop, raw, flip=[1])
    assert found.box == Box((2, 30, 3), (6, 34, 7))
    assert np.argwhere(labels(found)).tolist() == [[0, 3, 0]]
    assert imported(crop, raw, flip=[1], shift=(0, -10, 0)).box == Box((2, 20, 3), (6, 24, 7))


def test_mirroring_raw_and_flip_cancel(n5: Any, raw: Path) -> None:
    rng = np.random.default_rng(1)
    crop = n5("crop", rng.choice(np.array([0, 16, 36], np.uint8), (9, 11, 13)), voxel=(2, 2, 2), offset=(10, 22, 34))
    straight = labels(imported(crop, raw))
    volume = open_volume(raw)
    mirrored = n5("mirrored", volume.read(volume.box)[:, ::-1])
    np.testing.assert_array_equal(labels(imported(crop, mirrored, flip=[1]))[:, ::-1], straight)


def test_voxel_sizes_need_not_be_whole(n5: Any) -> None:
    """Raw of 5.24 x 4 x 4 nm, ground truth of 2.62 x 2 x 2 nm: two voxels make one, at voxel 100 too."""
    raw = n5("raw", np.zeros((120, 6, 6), np.uint8), voxel=(5.24, 4, 4))
    ids = np.full((20, 4, 4), CYTOSOL, np.uint8)
    ids[10:12] = 16
    found = imported(n5("crop", ids, voxel=(2.62, 2, 2), offset=(524, 4, 4)), raw)
    assert found.box == Box((100, 1, 1), (110, 3, 3))
    assert np.flatnonzero(labels(found).any((1, 2))).tolist() == [5]
    assert found.notes == ("mean of raw: 0 in er, 0 in the rest of what is annotated",)


def test_a_broken_ratio_weighs_by_overlap(n5: Any) -> None:
    """Raw of 5.24 nm, ground truth of 4 nm in z: 5.24..10.48 nm is 2.76 nm of ER and 2.48 nm of cytosol."""
    raw = n5("raw", np.zeros((10, 4, 4), np.uint8), voxel=(5.24, 4, 4))
    ids = np.full((6, 2, 2), CYTOSOL, np.uint8)
    ids[1] = 16
    found = imported(n5("crop", ids), raw)
    assert labels(found)[:, 0, 0].tolist() == [0, 1, 0, 0, 0]
    assert labels(found, "annotated")[:, 0, 0].tolist() == [1, 1, 1, 1, 1]


def test_mitochondria_have_no_holes(n5: Any, raw: Path) -> None:
    ids = np.full((5, 5, 5), 4, np.uint8)
    ids[0], ids[2, 2, 2] = 3, 5
    assert labels(imported(n5("crop", ids), raw, "mito"), "mito").all()
    assert classes_of("golgi") == {6, 7}
    assert classes_of("pore") == {22, 23}
    with pytest.raises(AsemError, match="no class ids are known for 'ccp': give them with --classes"):
        classes_of("ccp")


def test_what_is_close_to_er_is_said(n5: Any, raw: Path) -> None:
    ids = np.full((4, 4, 4), CYTOSOL, np.uint8)
    ids[0, 0, :3], ids[1, 0, :2] = 20, 18
    crop = n5("crop", ids)
    found = imported(crop, raw)
    assert not labels(found).any()
    assert found.notes == (
        "no voxel of classes 16,17 in this crop: all of it is background",
        "2 voxels of ER exit sites (classes 18,19) count as background: see --classes",
        "3 voxels of nuclear envelope (classes 20,21) count as background: see --classes",
    )
    assert imported(crop, raw, classes=parse_classes("16-21")).organelle_voxels == 5


@pytest.mark.parametrize("text", ["", "a", "16,", "0,16", "21-16"])
def test_classes_are_ids_above_0(text: str) -> None:
    with pytest.raises(AsemError, match=r"classes are ids above 0"):
        parse_classes(text)


def test_a_crop_that_reaches_outside_raw_is_clipped(n5: Any, raw: Path) -> None:
    ids = np.full((8, 8, 8), 16, np.uint8)
    found = imported(n5("crop", ids, offset=(-8, 144, 0)), raw)
    assert found.box == Box((0, 36, 0), (6, 40, 8))
    assert found.notes == (
        "the crop covers voxels -2:6,36:44,0:8 (z,y,x) of raw, which is 0:30,0:40,0:50: clipped to 0:6,36:40,0:8",
    )
    assert labels(found).all()
    with pytest.raises(GeometryError, match=r"lies outside .*it would cover voxels 100:108,0:8,0:8"):
        imported(n5("far", ids, offset=(400, 0, 0)), raw)


def test_offsets_in_voxels(n5: Any, raw: Path) -> None:
    crop = n5("crop", np.full((4, 4, 4), 16, np.uint8), voxel=(2, 2, 2), offset=(4, 6, 8))
    assert imported(crop, raw, offset_unit="crop-voxels").box.start == (2, 3, 4)
    assert imported(crop, raw, offset_unit="raw-voxels").box.start == (4, 6, 8)


def test_an_offset_between_voxels_is_moved_and_said(n5: Any, raw: Path) -> None:
    found = imported(n5("crop", np.full((4, 4, 4), 16, np.uint8), voxel=(2, 2, 2), offset=(8.6, 8, 8)), raw)
    assert found.box.start == (2, 2, 2)
    assert found.notes == (
        "the crop lies between its own voxels on raw's grid: moved to the nearest ones, by z 0.6, y 0, x 0 nm",
    )


def test_16_bit_raw_stays_and_is_said(n5: Any) -> None:
    grey = np.full((8, 8, 8), 40000, np.uint16)
    grey[2:4, 2:4, 2:4] = 65000
    ids = np.full((6, 6, 6), CYTOSOL, np.uint8)
    ids[2:4, 2:4, 2:4] = 16
    found = imported(n5("crop", ids), n5("raw", grey))
    assert open_volume(found.path).dtype == np.uint16
    assert "raw is uint16 and stays so" in found.notes[0]
    assert found.notes[1] == "mean of raw: 6.5e+04 in er, 4e+04 in the rest of what is annotated"


def test_the_block_size_does_not_matter(n5: Any) -> None:
    """Against an implementation of its own, at three block sizes and ratio 2."""
    rng = np.random.default_rng(4)
    raw = n5("raw", rng.integers(0, 255, (90, 80, 140)).astype(np.uint8))
    ids = rng.choice(np.array([0, 16, 17, 36], np.uint8), (150, 132, 262))
    cells = (ids == 16) | (ids == 17)
    expected = cells.reshape(75, 2, 66, 2, 131, 2).sum((1, 3, 5)) >= 4
    crop = n5("crop", ids, voxel=(2, 2, 2), offset=(8, 12, 16))
    for block in ((64, 64, 64), (128, 64, 192)):
        np.testing.assert_array_equal(labels(imported(crop, raw, block=block)), expected)


def test_real_numbers_are_no_ground_truth(n5: Any, raw: Path) -> None:
    with pytest.raises(VolumeError, match="holds class ids, integers; found float32"):
        imported(n5("crop", np.zeros((4, 4, 4), np.float32)), raw)
