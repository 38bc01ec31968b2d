"""Sizes of shapes that are known, and independence of blocks."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import cdist

from asem_core import open_volume
from asem_core.analysis.instances import number_objects
from asem_core.analysis.objects.analysis import INSTANCES, measure_objects
from asem_core.analysis.objects.params import Objects
from asem_core.errors import VolumeError

from .views import distances, rotation, view_of

SIZES = [(5, 5, 5), (5.2, 4, 4), (8, 4, 4)]
PLAIN = Objects(min_volume_nm3=0, instances=False, skeleton=False)


def shapes(voxel_size: Any, seed: int) -> dict[str, tuple[Any, float, float]]:
    """Masks of turned shapes in nm, with their true volume and surface."""
    shape = [round(320 / v) for v in voxel_size]
    centre = 160 + np.random.default_rng(seed).uniform(-4, 4, 3)
    at = np.tensordot(rotation(seed), distances(shape, voxel_size, centre), 1)
    rod = at[0] - np.clip(at[0], -80, 80)
    return {
        "sphere": ((at**2).sum(axis=0) <= 90**2, 4 / 3 * np.pi * 90**3, 4 * np.pi * 90**2),
        "capsule": (
            rod**2 + at[1] ** 2 + at[2] ** 2 <= 40**2,
            np.pi * 40**2 * 160 + 4 / 3 * np.pi * 40**3, 2 * np.pi * 40 * 160 + 4 * np.pi * 40**2,
        ),
        "torus": (
            (np.hypot(at[1], at[2]) - 100) ** 2 + at[0] ** 2 <= 30**2,
            2 * np.pi**2 * 100 * 30**2, 4 * np.pi**2 * 100 * 30,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("voxel_size", SIZES)
@pytest.mark.parametrize("name", ["sphere", "capsule", "torus"])
def test_volume_and_surface_of_known_shapes(tmp_path: Path, voxel_size: Any, name: str) -> None:
    mask, volume, surface = shapes(voxel_size, seed=3)[name]
    found = measure_objects(view_of(mask, tmp_path, voxel_size=voxel_size, at=(0, 500, 0)), params=PLAIN)
    assert found.volume_nm3.values == pytest.approx([volume], rel=0.02)
    assert found.surface_nm2.values == pytest.approx([surface], rel=0.05)
    true = np.cbrt(36 * np.pi * volume**2) / surface
    assert found.sphericity.values == pytest.approx([true], rel=0.05)
    centre = [found[f"{axis}_nm"].item() for axis in "zyx"]
    assert centre == pytest.approx([160, 660, 160], abs=6)
    assert not found.touches_border.item()


def test_axes_of_an_ellipsoid(tmp_path: Path) -> None:
    turned = rotation(5)
    at = np.tensordot(turned, distances((60, 75, 75), (5, 4, 4), (150, 150, 150)), 1)
    mask = (at[0] / 120) ** 2 + (at[1] / 80) ** 2 + (at[2] / 40) ** 2 <= 1
    found = measure_objects(view_of(mask, tmp_path, voxel_size=(5, 4, 4)), params=PLAIN)
    assert [found[f"axis{n}_nm"].item() for n in (1, 2, 3)] == pytest.approx([240, 160, 80], rel=0.01)
    for number, row in ((1, turned[0]), (3, turned[2])):
        direction = [found[f"axis{number}_{axis}"].item() for axis in "zyx"]
        assert abs(np.dot(direction, row)) > 0.999
        assert max(direction, key=abs) > 0


def scene(seed: int) -> tuple[Any, Any]:
    """Labels with gaps and touching ids, and a mask of another organelle."""
    generator = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(generator.normal(size=(22, 25, 28)), 1.6)
    labels = ndimage.label(smooth > 0.9 * smooth.std())[0].astype(np.uint16)
    labels[(labels == 1) & (np.arange(28) > 14)] = 40
    other = ndimage.gaussian_filter(generator.normal(size=labels.shape), 1.5)
    return labels, other > 1.2 * other.std()


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(block=st.tuples(*[st.integers(9, 30)] * 3), seed=st.integers(0, 5), kind=st.sampled_from(["ids", "p"]))
def test_the_result_does_not_depend_on_blocks(block: Any, seed: int, kind: str) -> None:
    labels, other = scene(seed)
    array = labels if kind == "ids" else (labels > 0).astype(np.float32)
    params = Objects(min_volume_nm3=0, contact_nm=14)
    with TemporaryDirectory() as name:
        common = {"voxel_size": (6, 4, 4), "others": {"er": other}}
        folder = Path(name)
        whole = measure_objects(view_of(array, folder, **common), params=params)
        by_blocks = measure_objects(view_of(array, folder, **common, block=block), params=params)
    assert len(whole.object) > 0
    xr.testing.assert_allclose(whole, by_blocks, rtol=1e-9)


def test_against_plain_computation(tmp_path: Path) -> None:
    labels, other = scene(1)
    voxel_size = np.array((6.0, 4.0, 4.0))
    found = measure_objects(
        view_of(labels, tmp_path, voxel_size=(6, 4, 4), others={"er": other}, block=(10, 11, 12)), params=PLAIN
    )
    others, count = ndimage.label(other, np.ones((3, 3, 3)))
    clouds = {i: np.argwhere(labels == i) * voxel_size for i in found.object.values}
    theirs = {i: np.argwhere(others == i) * voxel_size for i in range(1, count + 1)}
    assert found.object.values.tolist() == np.unique(labels)[1:].tolist()
    for row, (i, cloud) in enumerate(clouds.items()):
        assert found.voxels[row] == len(cloud)
        gaps = {j: cdist(cloud, points).min() for j, points in clouds.items() if j != i}
        assert found.nearest_nm[row] == pytest.approx(min(gaps.values()))
        assert gaps[found.nearest[row].item()] == pytest.approx(min(gaps.values()))
        if not other[labels == i].any():  # surfaces are compared, so overlaps are another matter
            assert found.nearest_er_nm[row] == pytest.approx(min(cdist(cloud, p).min() for p in theirs.values()))
        inside = ndimage.find_objects((labels == i).astype(int))[0]
        at_border = any(s.start == 0 or s.stop == n for s, n in zip(inside, labels.shape, strict=True))
        assert found.touches_border[row] == at_border


def test_specks_of_the_other_are_left_out_of_contacts_too(tmp_path: Path) -> None:
    mine, other = np.zeros((12, 12, 40), np.uint8), np.zeros((12, 12, 40), np.uint8)
    mine[2:10, 2:10, 4:12] = 1
    other[2:10, 2:10, 30:38] = 1
    other[6, 6, 13] = 1
    for least, near_nm, contact in ((2, 19 * 5, False), (1, 2 * 5, True)):
        params = Objects(min_volume_nm3=least * 125, contact_nm=10, skeleton=False, instances=False)
        found = measure_objects(view_of(mine, tmp_path, others={"er": other}), params=params)
        assert found.nearest_er_nm.item() == near_nm
        assert (found.contact_er_nm2.item() > 0) is contact


@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "i8", "u8"])
def test_ids_of_any_type_are_whole_numbers(tmp_path: Path, dtype: str) -> None:
    labels = np.zeros((8, 8, 24), dtype)
    labels[:, :, 2:8], labels[:, :, 12:20] = 11, 120
    view = view_of(labels, tmp_path)
    found = measure_objects(view, params=Objects(min_volume_nm3=0, skeleton=False))
    assert found.nearest.dtype == found.object.dtype == np.int64
    assert found.nearest.values.tolist() == [120, 11]
    written = open_volume(view.output / INSTANCES)
    assert np.array_equal(written.read(written.box), labels)


def test_ids_that_no_table_can_hold_are_refused(tmp_path: Path) -> None:
    labels = np.zeros((8, 8, 24), np.uint64)
    labels[:, :, 2:8], labels[:, :, 12:20] = 11, 2**64 - 1
    with pytest.raises(VolumeError, match="holds 18446744073709551615, which is no id"):
        number_objects(view_of(labels, tmp_path))


def test_contact_is_the_part_of_the_surface_near_the_other(tmp_path: Path) -> None:
    plate, wall = np.zeros((2, 30, 40, 40), np.uint8)
    plate[8:14, 10:30, 10:30] = 1
    wall[18:22, :, :20] = 1  # 4 voxels above the plate, over half of it
    for contact, share in ((20, 0), (25, 0.5)):  # the voxel above the plate is 20 nm from the wall's first
        params = Objects(contact_nm=contact - 4, skeleton=False, instances=False)
        found = measure_objects(view_of(plate, tmp_path, others={"wall": wall}), params=params)
        assert found.contact_wall_nm2.item() == pytest.approx(share * 100 * 100, rel=0.1, abs=1)
    touching = measure_objects(
        view_of(plate, tmp_path, others={"wall": np.roll(wall, -4, axis=0)}),
        params=Objects(contact_nm=0, skeleton=False, instances=False),
    )
    assert touching.contact_wall_nm2.item() == pytest.approx(0.5 * 100 * 100, rel=0.1)
    assert touching.nearest_wall_nm.item() == 5


def test_nothing_found_is_an_empty_table(tmp_path: Path) -> None:
    empty = np.zeros((6, 7, 8), np.uint8)
    found = measure_objects(view_of(empty, tmp_path, others={"er": empty}), params=Objects())
    assert found.sizes == {"object": 0}
    some = np.zeros_like(empty)
    some[2:4, 2:4, 2:4] = 1
    found = measure_objects(view_of(some, tmp_path, others={"er": empty}), params=Objects(min_volume_nm3=0))
    assert (found.nearest.item(), found.nearest_er.item()) == (0, 0)
    assert np.isnan([found.nearest_nm.item(), found.nearest_er_nm.item()]).all()
    assert found.contact_er_nm2.item() == 0


def test_small_and_large_objects(tmp_path: Path) -> None:
    mask = np.zeros((20, 20, 60), np.uint8)
    mask[2:5, 2:5, 2:5] = mask[8:10, 8:10, 8:10] = mask[12:18, 12:18, 12:50] = 1
    view = view_of(mask, tmp_path)
    found = measure_objects(view, params=Objects(skeleton_max_voxels=100))
    assert found.attrs["notes"] == ["objects below 3375 nm^3, left out: 1"]
    assert found.object.values.tolist() == [1, 2]
    assert found.skeleton_measured.values.tolist() == [True, False]
    assert np.isnan(found.skeleton_length_nm.values).tolist() == [False, True]
    stored = open_volume(view.output / INSTANCES)
    ids = stored.read(stored.box)
    assert ids.dtype == np.uint32
    assert [ids[3, 3, 3], ids[9, 9, 9], ids[15, 15, 30]] == [1, 0, 2]


def test_labels_of_one_value_are_cut_into_components(tmp_path: Path) -> None:
    labels = np.zeros((4, 4, 12), np.int32)
    labels[1, 1, 1:3] = labels[1, 1, 5:8] = 7
    assert number_objects(view_of(labels, tmp_path)).ids.tolist() == [1, 2]
    labels[3, 3, 9] = 2
    found = number_objects(view_of(labels, tmp_path, block=(2, 2, 5)))
    assert (found.ids.tolist(), found.voxels.tolist()) == ([2, 7], [1, 5])
    labels[0, 0, 0] = -1
    with pytest.raises(VolumeError, match="not negative, found -1"):
        number_objects(view_of(labels, tmp_path))
