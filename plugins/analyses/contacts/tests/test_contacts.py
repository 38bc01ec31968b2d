"""Contacts of shapes whose area and distance are known."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

from asem_core import Volume, VoxelSize, analyze
from asem_core.testing import PluginContract

SHAPE = (44, 50, 56)
GRID = np.indices(SHAPE)


class TestContract(PluginContract):
    plugin = "analysis-contacts"


def volume(array: Any, edge: tuple[float, float, float] = (5.0, 5.0, 5.0), **more: Any) -> Volume:
    return Volume(
        array=np.asarray(array, np.uint16), voxel_size=VoxelSize(edge), uri="memory", format="memory",
        chunks=(16, 16, 16), **more,
    )  # fmt: skip


def contacts(
    tmp_path: Path, a: Any, b: Any, *, edge: Any = (5.0, 5.0, 5.0), block: Any = (128,) * 3, **params: Any
) -> xr.Dataset:
    return analyze(
        volume(a, edge), tmp_path / "out", analysis="contacts", others={"er": volume(b, edge)}, params=params,
        block=block, overwrite=True,
    )  # fmt: skip


def plate(low: int, high: int, width: int = 60) -> Any:
    """From section ``low`` to ``high``, of the whole plane or a part of it."""
    return (GRID[0] >= low) & (GRID[0] < high) & (GRID[1] < width) & (GRID[2] < width)


def ball(centre: tuple[int, int, int], radius: float) -> Any:
    return ((GRID - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0) <= radius**2


@pytest.mark.parametrize("edge", [(5.0, 5.0, 5.0), (8.0, 4.0, 5.0)])
@pytest.mark.parametrize("gap", [0, 1, 3])
def test_parallel_plates(tmp_path: Path, gap: int, edge: tuple[float, float, float]) -> None:
    found = contacts(tmp_path, plate(5, 12), plate(12 + gap, 20 + gap), edge=edge)
    assert found.sizes["contact"] == 1
    assert found.distance_nm.item() == pytest.approx(gap * edge[0])
    assert found.area_nm2.item() == pytest.approx(SHAPE[1] * SHAPE[2] * edge[1] * edge[2], rel=1e-3)
    assert found.sites.item() == 1


def test_plates_that_are_too_far_apart(tmp_path: Path) -> None:
    far = plate(5, 12), plate(19, 25)  # 35 nm
    assert contacts(tmp_path, *far).sizes["contact"] == 0
    assert contacts(tmp_path, *far, distance_nm=35).distance_nm.item() == 35


def test_the_far_side_of_a_thin_plate_is_no_contact(tmp_path: Path) -> None:
    found = contacts(tmp_path, plate(10, 12), plate(13, 20))
    assert found.area_nm2.item() == pytest.approx(SHAPE[1] * SHAPE[2] * 25, rel=1e-3)


def test_two_balls(tmp_path: Path) -> None:
    """The cap of a ball whose points are within the distance of the other ball."""
    radius, apart = 14.0, 31.0
    found = contacts(tmp_path, ball((22, 25, 12), radius), ball((22, 25, 43), radius), distance_nm=30.0)
    assert found.distance_nm.item() == pytest.approx((apart - 2 * radius) * 5, abs=5)
    # Distance of a point of a sphere at angle t from the axis to the other sphere: sqrt(R^2 + D^2 - 2 R D cos t) - R.
    cosine = (radius**2 + apart**2 - (radius + 6) ** 2) / (2 * radius * apart)
    assert found.area_nm2.item() == pytest.approx(2 * np.pi * radius**2 * (1 - cosine) * 25, rel=0.1)


def test_two_sites_of_one_pair(tmp_path: Path) -> None:
    bridge = plate(5, 12, width=12) | ((GRID[0] >= 5) & (GRID[0] < 12) & (GRID[1] < 12) & (GRID[2] >= 40))
    found = contacts(tmp_path, plate(14, 20), np.where(bridge, 3, 0) + np.where(plate(40, 42), 4, 0))
    assert found.other_object.values.tolist() == [3]
    assert found.sites.item() == 2
    assert found.largest_site_nm2.item() < found.area_nm2.item()


def test_pairs_are_told_apart(tmp_path: Path) -> None:
    a = np.where(GRID[2] < 28, plate(5, 12) * 7, plate(5, 12) * 9)
    b = np.where(GRID[1] < 25, plate(14, 20) * 2, plate(14, 20) * 4)
    found = contacts(tmp_path, a, b)
    pairs = list(zip(found.object.values.tolist(), found.other_object.values.tolist(), strict=True))
    assert pairs == [(7, 2), (7, 4), (9, 2), (9, 4)]
    assert found.attrs["statistics"]["er"]["share_in_contact"] == 1.0
    assert found.x_nm.values[0] < 28 * 5 < found.x_nm.values[3]


def test_blocks_do_not_matter(tmp_path: Path) -> None:
    shapes = ball((20, 22, 20), 10) * 1 + ball((20, 40, 44), 8) * 2, ball((20, 30, 36), 9)
    whole = contacts(tmp_path, *shapes)
    assert whole.sizes["contact"] == 2
    for block in ((16, 16, 16), (44, 7, 23)):
        xr.testing.assert_identical(whole.drop_attrs(), contacts(tmp_path, *shapes, block=block).drop_attrs())


@pytest.mark.parametrize("order", list(permutations(range(3)))[1:])
def test_axes_do_not_matter(tmp_path: Path, order: tuple[int, int, int]) -> None:
    """On the grid several voxels are often as near as each other, and which of them is taken decides what is faced."""
    rng = np.random.default_rng(4)
    rough = ndimage.gaussian_filter(rng.normal(size=(36, 36, 36)), 3)
    cubes = np.zeros((36, 36, 36), np.uint16)
    cubes[2:8, 2:8, 2:8], cubes[20:26, 4:12, 3:9] = 1, 2
    for a, b in ((cubes, np.roll(cubes, (7, 7, 7), (0, 1, 2))), (rough > 0.05, rough < -0.05)):
        plain, turned = (contacts(tmp_path, *(x.transpose(axes) for x in (a, b))) for axes in ((0, 1, 2), order))
        assert plain.sizes["contact"] > 0
        for name in ("area_nm2", "largest_site_nm2", "distance_nm", "sites"):  # objects are numbered as they lie
            np.testing.assert_allclose(np.sort(turned[name]), np.sort(plain[name]), rtol=1e-5)


def test_nothing_near(tmp_path: Path) -> None:
    found = contacts(tmp_path, np.zeros(SHAPE), np.zeros(SHAPE))
    assert found.sizes["contact"] == 0
    assert found.attrs["statistics"]["er"]["share_in_contact"] is None
