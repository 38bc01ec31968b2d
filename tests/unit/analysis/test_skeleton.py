"""Length and branching of drawn skeletons and of solid shapes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import euler_number

from asem_core import VoxelSize
from asem_core.analysis.objects.skeleton import measure_skeleton
from asem_core.analysis.objects.thin import depths_nm, is_simple, thin

from .views import distances, rotation

CUBE = VoxelSize((5, 5, 5))


def drawn(*lines: str):
    """A mask of a picture, one plane of three."""
    return np.pad(np.array([[list(line) for line in lines]]) == "#", 1)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("#",), (0, 0, 0, 0)),
        (("#####",), (1, 0, 2, 0)),
        (("##...", "..###"), (1, 0, 2, 0)),
        ((*["....#...."] * 4, "#########"), (3, 1, 3, 0)),
        (("#.....#", ".#...#.", "..#.#..", *["...#..."] * 4), (3, 1, 3, 0)),
        ((".##.", "#..#", "#..#", ".##."), (1, 0, 0, 1)),
        ((".##....##.", "#..####..#", ".##....##."), (3, 2, 0, 2)),
    ],
)
def test_branching(lines: tuple[str, ...], expected: tuple[int, ...]) -> None:
    found = measure_skeleton(drawn(*lines), voxel_size=CUBE)
    assert (found.branches, found.junctions, found.ends, found.loops) == expected


@pytest.mark.parametrize("voxel_size", [(5, 5, 5), (8, 4, 4)])
@pytest.mark.parametrize("seed", [1, 2])
def test_length_of_a_turned_ring(voxel_size, seed: int) -> None:
    shape = [round(280 / v) for v in voxel_size]
    at = np.tensordot(rotation(seed), distances(shape, voxel_size, (140, 140, 140)), 1)
    ring = (np.hypot(at[1], at[2]) - 100) ** 2 + at[0] ** 2 <= 25**2
    found = measure_skeleton(ring, voxel_size=VoxelSize(voxel_size))
    assert (found.branches, found.junctions, found.ends, found.loops) == (1, 0, 0, 1)
    assert found.length_nm == pytest.approx(2 * np.pi * 100, rel=0.02)


def test_cavities_do_not_count() -> None:
    at = distances((40, 40, 40), (5, 5, 5), (100, 100, 100))
    shell = np.abs(np.linalg.norm(at, axis=0) - 60) < 15
    found = measure_skeleton(shell, voxel_size=CUBE)
    assert found.loops == 0
    assert found.length_nm < 20


CORNERS = [(250 * np.cos(turn), 250 * np.sin(turn), 0) for turn in np.linspace(0, 2 * np.pi, 25)]
LINES = {
    "straight": [((-300, 0, 0), (300, 0, 0))],
    "Y": [((0, 0, 0), (300, 0, 0)), ((0, 0, 0), (-150, 260, 0)), ((0, 0, 0), (-150, -260, 0))],
    "H": [((-250, 0, -150), (-250, 0, 300)), ((250, 0, -300), (250, 0, 150)), ((-250, 0, 0), (250, 0, 0))],
    "ring with a tail": [*pairwise(CORNERS), ((250, 0, 0), (550, 0, 0))],
}
"""Axes of tubes in nm."""
BRANCHING = {"straight": (1, 0, 2, 0), "Y": (3, 1, 3, 0), "H": (5, 2, 4, 0), "ring with a tail": (2, 1, 1, 1)}
"""Branches, junctions, ends, loops."""
RADIUS_NM = 50


def tubes(name: str, voxel_size: Any, seed: int, rough_nm: float = 0.0) -> Any:
    """A mask of tubes with round ends along `LINES`, turned at random, their surface moved by noise."""
    generator = np.random.default_rng(seed)
    lines = np.array(LINES[name], float) @ rotation(seed)
    low, high = lines.min(axis=(0, 1)) - 2 * RADIUS_NM, lines.max(axis=(0, 1)) + 2 * RADIUS_NM
    shape = [round(n / v) for n, v in zip(high - low, voxel_size, strict=True)]
    at = np.moveaxis(distances(shape, voxel_size, -low), 0, -1)
    away = np.full(shape, np.inf)
    for start, stop in lines:
        along = np.clip((at - start) @ (stop - start) / ((stop - start) ** 2).sum(), 0, 1)
        away = np.minimum(away, np.linalg.norm(at - start - along[..., None] * (stop - start), axis=-1))
    noise = ndimage.gaussian_filter(generator.normal(size=shape), 1.0)
    return away + rough_nm * noise / noise.std() <= RADIUS_NM


def measured(mask: Any, voxel_size: Any) -> tuple[tuple[int, ...], float]:
    found = measure_skeleton(mask, voxel_size=VoxelSize(voxel_size))
    return (found.branches, found.junctions, found.ends, found.loops), found.length_nm


@pytest.mark.parametrize("voxel_size", [(10, 10, 10), (16, 8, 8)])
@pytest.mark.parametrize("name", LINES)
def test_length_and_branching_of_tubes(name: str, voxel_size: Any) -> None:
    """A free end is thinned to somewhere between the end of the axis and the tip."""
    axis = sum(np.linalg.norm(np.subtract(*line)) for line in LINES[name])
    for seed in (1, 2):
        branching, length = measured(tubes(name, voxel_size, seed), voxel_size)
        assert branching == BRANCHING[name]
        assert 0.96 * axis < length < axis + RADIUS_NM * branching[2]


@pytest.mark.parametrize("width", [6, 7])
@pytest.mark.parametrize("height", [6, 7])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_tube_along_an_axis_keeps_its_length(width: int, height: int, axis: int) -> None:
    """scikit-image's thinning leaves nothing of one whose sides are even."""
    box = np.zeros((12, 12, 60), bool)
    box[2 : 2 + height, 2 : 2 + width, 5:55] = True
    found = measure_skeleton(np.moveaxis(box, 2, axis), voxel_size=CUBE)
    assert (found.branches, found.ends) == (1, 2)
    assert 5 * (50 - 7) <= found.length_nm <= 5 * 50


@pytest.mark.parametrize("kept", [0.4, 0.5, 0.7])
@pytest.mark.parametrize("tilt", [0.0, 0.1, 0.5])
def test_a_face_of_the_volume_makes_no_branches(tilt: float, kept: float) -> None:
    """A tube that the first section cuts along its length, or at an angle; unless told so its edges are branches."""
    at = distances((70, 40, 140), (5, 5, 5), (0, 100, 350))
    axis = np.array([tilt, 0, 1]) / np.hypot(1, tilt)
    at[0] -= RADIUS_NM * (2 * kept - 1)
    along = np.clip(np.tensordot(axis, at, 1), -250, 250)
    tube = ((at - axis[:, None, None, None] * along) ** 2).sum(axis=0) <= RADIUS_NM**2
    z, y, x = ndimage.find_objects(tube.astype(np.uint8))[0]
    assert (z.start, z.stop < 70) == (0, True)
    found = measure_skeleton(tube[z, y, x], voxel_size=CUBE, cut=((True, False), (False, False), (False, False)))
    assert (found.branches, found.junctions, found.ends, found.loops) == (1, 0, 2, 0)
    assert found.length_nm < 5 * np.linalg.norm(tube[z, y, x].shape)


def test_a_block_that_the_volume_cuts_everywhere_has_a_depth() -> None:
    everywhere = ((True, True), (True, True), (True, True))
    block = np.ones((5, 5, 5), bool)
    assert (depths_nm(block, (4, 4, 4), cut=everywhere) == depths_nm(block, (4, 4, 4))).all()


def test_simple_points_are_those_whose_going_changes_no_number_of_pieces() -> None:
    generator = np.random.default_rng(0)
    near = np.abs(np.indices((3, 3, 3)) - 1).sum(axis=0)
    around = generator.random((300, 27)) < generator.uniform(0.05, 0.95, 300)[:, None]
    around[:, 13] = False
    found = is_simple(np.delete(around, 13, axis=1))
    assert 30 < found.sum() < 270
    for cells, simple in zip(around.reshape(-1, 3, 3, 3), found, strict=True):
        objects = ndimage.label(cells, np.ones((3, 3, 3)))[1]
        ground, _ = ndimage.label(~cells & (near > 0) & (near < 3))
        assert simple == (objects == 1 and len(np.unique(ground[(near == 1) & (ground > 0)])) == 1)


@pytest.mark.parametrize("seed", range(4))
def test_thinning_keeps_pieces_tunnels_and_cavities(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(size=(24, 26, 28))
    mask = ndimage.gaussian_filter(noise, 1.2) > 0.05
    lines = thin(mask, depth_nm=depths_nm(mask, (6, 4, 4)), voxel_size_nm=(6, 4, 4))
    assert not (lines & ~mask).any()
    assert lines.sum() < 0.2 * mask.sum()
    assert euler_number(lines, connectivity=3) == euler_number(mask, connectivity=3)
    assert ndimage.label(lines, np.ones((3, 3, 3)))[1] == ndimage.label(mask, np.ones((3, 3, 3)))[1]


def test_bumps_are_no_branches() -> None:
    for seed in (1, 2):
        rough = tubes("Y", (10, 10, 10), seed, rough_nm=6.0)
        largest = ndimage.label(rough)[0]
        branching, _ = measured(largest == np.bincount(largest.ravel())[1:].argmax() + 1, (10, 10, 10))
        assert branching == BRANCHING["Y"]


@pytest.mark.parametrize(("stub", "branches"), [(20, 1), (100, 3)])
def test_a_branch_counts_where_it_sticks_out_by_more_than_its_width(stub: float, branches: int) -> None:
    """A side branch of 20 nm radius on a tube of 50: ``stub`` is how far it sticks out."""
    at = distances((60, 60, 100), (5, 5, 5), (100, 150, 250))
    tube = at[0] ** 2 + at[1] ** 2 + (at[2] - np.clip(at[2], -180, 180)) ** 2 <= 50**2
    side = (at[0] - np.clip(at[0], 0, 30 + stub)) ** 2 + at[1] ** 2 + at[2] ** 2 <= 20**2
    found = measure_skeleton(tube | side, voxel_size=CUBE)
    assert found.branches == branches
