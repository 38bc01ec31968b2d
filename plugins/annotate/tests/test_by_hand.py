"""Interpolation between sections, the brush, the bucket, and the rules of an organelle."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from asem_annotate import fill, interpolate, paint, tidy
from scipy import ndimage

from asem_core import AsemError, VoxelSize, open_volume, prepare_labels
from asem_core.volume import Volume

from .cells import dice

CUBES = VoxelSize((5, 5, 5))


def ball(shape: tuple[int, int, int], radius: float) -> np.ndarray:
    return sum((g - n / 2) ** 2 for g, n in zip(np.indices(shape), shape, strict=True)) < radius**2


def test_a_ball_from_every_fourth_section() -> None:
    truth = ball((33, 40, 40), 14)
    seeds = np.zeros(truth.shape, np.uint8)
    seeds[::4] = np.where(truth[::4], 2, 1)
    found = interpolate(seeds, voxel_size=CUBES)
    assert dice(found[4:29] == 2, truth[4:29]) > 0.97
    assert np.array_equal(found[4::4][:6], seeds[4::4][:6])
    assert not found[0].any()  # nothing was labelled there or below
    across = interpolate(np.ascontiguousarray(np.swapaxes(seeds, 0, 2)), voxel_size=CUBES, axis=2)
    assert np.array_equal(np.swapaxes(across, 0, 2), found)


def test_two_objects_do_not_overlap_and_keep_apart() -> None:
    seeds = np.zeros((3, 9, 20), np.uint8)
    seeds[0, 2:7, 2:9], seeds[0, 2:7, 9:16] = 2, 3
    seeds[2, 2:7, 4:11], seeds[2, 2:7, 11:18] = 2, 3
    found = interpolate(seeds, voxel_size=CUBES)[1]
    assert found[4, 3:10].tolist() == [2] * 7
    assert found[4, 10:17].tolist() == [3] * 7


def test_an_object_that_begins_between_two_sections() -> None:
    seeds = np.zeros((5, 20, 20), np.uint8)
    seeds[:, :2, :2] = 2
    seeds[1:4] = 0
    seeds[4, 8:14, 8:14] = 3
    found = interpolate(seeds, voxel_size=CUBES)
    sizes = [(section == 3).sum() for section in found]
    assert sizes == sorted(sizes)
    assert sizes[0] == 0
    assert sizes[4] == 36


def test_interpolation_follows_the_size_of_voxels() -> None:
    seeds = np.zeros((3, 21, 21), np.uint8)
    seeds[0, 10, 10], seeds[2] = 2, 2
    seeds[2, 0], seeds[2, 20], seeds[2, :, 0], seeds[2, :, 20] = 1, 1, 1, 1
    flat = interpolate(seeds, voxel_size=VoxelSize((5, 50, 5)))[1] == 2
    assert np.ptp(np.argwhere(flat)[:, 0]) < np.ptp(np.argwhere(flat)[:, 1])


def test_what_is_marked_between_two_sections_stays() -> None:
    seeds = np.zeros((13, 20, 20), np.uint8)
    seeds[1, 5:15, 5:15] = seeds[11, 5:15, 5:15] = 2
    seeds[6, 8:12, 8:12] = 1
    found = interpolate(seeds, voxel_size=CUBES)
    assert np.array_equal(found[seeds > 0], seeds[seeds > 0])
    assert (found[6] == 2).sum() == 100 - 16


def test_one_section_is_not_enough() -> None:
    seeds = np.zeros((4, 5, 5), np.uint8)
    seeds[1, 2, 2] = 2
    with pytest.raises(AsemError, match="at least two labelled sections along axis 0, found 1"):
        interpolate(seeds, voxel_size=CUBES)


def test_a_brush_is_round_in_nm() -> None:
    painted = paint(np.zeros((5, 21, 21), np.uint8), [(2, 10, 10)], value=2, radius_nm=40,
                    voxel_size=VoxelSize((20, 5, 10)))  # fmt: skip
    spans = [np.ptp(np.flatnonzero(painted.any(tuple({0, 1, 2} - {axis})))) // 2 for axis in range(3)]
    assert spans == [2, 8, 4]
    steps = np.moveaxis(np.indices(painted.shape), 0, -1) - (2, 10, 10)
    assert np.array_equal(painted == 2, ((steps * (20, 5, 10)) ** 2).sum(axis=-1) <= 40**2)


def test_a_line_is_its_dots_without_gaps() -> None:
    ends = [(1.0, 2.0, 3.0), (6.0, 12.0, 9.0)]
    line = paint(np.zeros((8, 16, 14), np.uint8), ends, value=3, radius_nm=6, voxel_size=CUBES)
    dots = np.zeros_like(line)
    for share in np.linspace(0, 1, 200):
        dots = paint(dots, [tuple(np.add(ends[0], share * np.subtract(ends[1], ends[0])))], value=3, radius_nm=6,
                     voxel_size=CUBES)  # fmt: skip
    assert ndimage.label(line, np.ones((3, 3, 3)))[1] == 1
    assert (line != dots).sum() <= 0.05 * (line > 0).sum()


def test_a_brush_erases_and_may_leave_the_volume() -> None:
    full = np.full((3, 4, 5), 2, np.uint8)
    erased = paint(full, [(-1, -1, -1), (0, 0, 0)], value=0, radius_nm=1, voxel_size=CUBES)
    assert erased[0, 0, 0] == 0
    assert (erased == 0).sum() == 1
    assert (full == 2).all()
    assert (paint(full, [(90, 90, 90)], value=0, radius_nm=9, voxel_size=CUBES) == 2).all()


def test_a_bucket_fills_what_is_alike_and_stops_at_outlines() -> None:
    seeds = np.zeros((3, 8, 8), np.uint8)
    seeds[1, 2:6, 2:6] = 2
    seeds[1, 3:5, 3:5] = 0
    inside = fill(seeds, (1, 3, 3), value=2, axis=0)
    assert (inside[1] == 2).sum() == 16
    assert not inside[[0, 2]].any()
    assert (fill(seeds, (1, 3, 3), value=1) == 1).sum() == seeds.size - 12  # it is open above and below
    with pytest.raises(AsemError, match="lies outside"):
        fill(seeds, (3, 0, 0), value=2)


def test_tidy_is_what_labels_prepare_does(tmp_path) -> None:
    rng = np.random.default_rng(0)
    labels = (ndimage.gaussian_filter(rng.random((30, 32, 34)), 2) > 0.51).astype(np.uint8)
    volume = Volume(array=labels, voxel_size=CUBES, uri="memory", format="memory", chunks=(16, 16, 16))
    made = prepare_labels(volume, tmp_path / "out.zarr", organelle="golgi")
    expected = open_volume(made.path)
    assert np.array_equal(tidy(labels, "golgi", voxel_size=CUBES), expected.read(expected.box))


def test_painting_takes_the_memory_of_a_section() -> None:
    seeds = np.zeros((100, 100, 100), np.uint8)
    tracemalloc.start()
    found = paint(seeds, [(0, 0, 0), (99, 99, 99)], value=2, radius_nm=20, voxel_size=CUBES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found[50, 50, 50] == 2
    assert peak < 4 * seeds.size


def test_no_such_value_and_no_such_axis() -> None:
    seeds = np.zeros((5, 6, 7), np.uint8)
    seeds[0, 2, 2] = seeds[4, 2, 2] = 2
    for value in (-1, 300):
        with pytest.raises(AsemError, match=f"seeds are 0 to 255 .* got {value}"):
            paint(seeds, [(0, 0, 0)], value=value, radius_nm=5, voxel_size=CUBES)
        with pytest.raises(AsemError, match=f"got {value}"):
            fill(seeds, (0, 0, 0), value=value)
    with pytest.raises(AsemError, match="an axis is 0, 1 or 2"):
        fill(seeds, (0, 0, 0), value=1, axis=-1)
    with pytest.raises(AsemError, match="an axis is 0, 1 or 2"):
        interpolate(seeds, voxel_size=CUBES, axis=-1)
