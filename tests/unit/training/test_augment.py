"""Sampling is scipy's; a warp without deformation is a mirrored, transposed copy."""

from __future__ import annotations

from itertools import permutations, product

import attrs
import numpy as np
import pytest
import torch
from scipy import ndimage

from asem_core.training.augment import draw_warp, inside, sample, source_coordinates, vary_intensity
from asem_core.training.recipe import Augment

STILL = Augment(elastic_sigma=0, rotate=False, section_shift_probability=0)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def coordinates(shape: tuple[int, ...], seed: int, *, beyond: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform([-beyond - 0.5] * 3, [n - 0.5 + beyond for n in shape], (6, 7, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("beyond", [-2.5, 0.0, 3.0, 40.0])
@pytest.mark.parametrize("nearest", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_sampling_equals_map_coordinates(seed: int, nearest: bool, beyond: float) -> None:
    shape = (9, 12, 7)
    volume = np.random.default_rng(seed + 50).random(shape).astype(np.float32)
    at = coordinates(shape, seed, beyond=beyond)
    expected = ndimage.map_coordinates(volume, np.moveaxis(at, -1, 0), order=0 if nearest else 1, mode="reflect")
    result = sample(torch.from_numpy(volume), torch.from_numpy(at), nearest=nearest).numpy()
    assert result.shape == at.shape[:-1]
    np.testing.assert_allclose(result, expected, atol=3e-5)


def test_sampling_far_from_the_origin_is_as_exact() -> None:
    volume = np.random.default_rng(1).random((300, 8, 8)).astype(np.float32)
    at = coordinates((6, 8, 8), 2, beyond=0)
    at[..., 0] += 290
    at = at.clip(0, [299, 7, 7]).astype(np.float32)
    expected = ndimage.map_coordinates(volume, np.moveaxis(at, -1, 0), order=1, mode="reflect")
    np.testing.assert_allclose(sample(torch.from_numpy(volume), torch.from_numpy(at)).numpy(), expected, atol=1e-4)


def test_sampling_at_voxel_centres_copies() -> None:
    volume = np.random.default_rng(1).integers(0, 2, (5, 6, 7)).astype(np.uint8)
    at = torch.from_numpy(np.stack(np.meshgrid(*map(np.arange, (5, 6, 7)), indexing="ij"), -1).astype(np.float32))
    np.testing.assert_allclose(sample(torch.from_numpy(volume), at).numpy(), volume, atol=1e-5)
    np.testing.assert_array_equal(sample(torch.from_numpy(volume), at, nearest=True).numpy(), volume)


def test_inside_is_up_to_the_voxel_faces() -> None:
    below, above = [[-0.5, 0, 0], [-0.51, 0, 0]], [[3.49, 0, 0], [3.5, 0, 0], [0, 4.4, 5.4], [0, 4.6, 5.4], [0, 0, 5.6]]
    at = torch.tensor(below + above)
    assert inside(at, (4, 5, 6)).tolist() == [1, 0, 1, 0, 1, 0, 0]


def copies(side: int) -> set[bytes]:
    """All 48 mirrored and transposed copies of a block of numbers."""
    block = np.arange(side**3, dtype=np.float32).reshape((side,) * 3)
    return {
        np.flip(block.transpose(order), [axis for axis in range(3) if flips[axis]]).tobytes()
        for order, flips in product(permutations(range(3)), product((False, True), repeat=3))
    }


def test_without_deformation_a_block_is_one_of_48_copies() -> None:
    side = 4
    volume = torch.arange(side**3, dtype=torch.float32).reshape((side,) * 3)
    expected, seen = copies(side), set()
    for seed in range(300):
        warp = draw_warp(side, STILL, seeded(seed))
        at = source_coordinates(warp, torch.full((3,), (side - 1) / 2), side, side)
        seen.add(sample(volume, at).round().numpy().tobytes())
    assert seen <= expected
    assert len(seen) > 40, "300 draws should meet nearly all of 48"


def test_the_core_is_the_centre_of_the_block() -> None:
    for seed in range(5):
        warp = draw_warp(16, Augment(), seeded(seed))
        centre = torch.tensor([30.5, 20.5, 10.5])
        whole = source_coordinates(warp, centre, 16, 16)
        torch.testing.assert_close(source_coordinates(warp, centre, 16, 6), whole[5:11, 5:11, 5:11])


def test_rotation_is_rigid_and_about_z_before_the_transposition() -> None:
    angles = []
    for seed in range(40):
        warp = draw_warp(8, Augment(elastic_sigma=0, section_shift_probability=0), seeded(seed))
        linear = warp.linear
        torch.testing.assert_close(linear @ linear.T, torch.eye(3), atol=1e-6, rtol=0)
        ones = (linear.abs() > 1 - 1e-6).sum()
        assert ones >= 1, "one axis, z, is only mirrored and moved"
        assert linear[:, 0].abs().max() > 1 - 1e-6
        angles.append(float(linear[:, 1].abs().max()))
    assert min(angles) < 0.8
    assert max(angles) > 0.95


def test_elastic_deformation_is_smooth_and_of_the_given_size() -> None:
    side, differences = 64, []
    for seed in range(6):
        centre = torch.full((3,), 0.0)
        moved = draw_warp(side, Augment(rotate=False, section_shift_probability=0), seeded(seed))
        at = source_coordinates(moved, centre, side, side)
        still = source_coordinates(draw_warp(side, STILL, seeded(seed)), centre, side, side)
        shift = at - still
        differences.append(shift)
        assert (shift.diff(dim=0).abs().max() / 2.0) < 0.25, "control points 32 voxels apart: no folds"
        assert moved.elastic.shape == (1, 3, 3, 3, 3)
        torch.testing.assert_close(shift[0, 0, 63], moved.elastic[0, :, 0, 0, 2], atol=1e-4, rtol=0)
    corners = torch.stack([shift[::63, ::63, ::63] for shift in differences])
    assert 1.5 < corners.std() < 2.5


def test_section_shifts_move_whole_sections_by_whole_voxels() -> None:
    side = 40
    warp = draw_warp(side, Augment(rotate=False, elastic_sigma=0, section_shift_probability=0.5), seeded(4))
    shift = warp.section_shift
    assert shift[0].abs().sum() == 0, "never across sections"
    assert shift[:, side // 2].abs().sum() == 0
    assert torch.equal(shift, shift.round())
    assert 0 < shift.diff(dim=1).abs().max() <= 2
    at = source_coordinates(warp, torch.zeros(3), side, side)
    still = source_coordinates(attrs.evolve(warp, section_shift=torch.zeros(3, side)), torch.zeros(3), side, side)
    moved = (at - still).reshape(-1, 3)
    torch.testing.assert_close(moved.norm(dim=1).max(), shift.norm(dim=0).max(), atol=1e-4, rtol=1e-4)


def test_the_same_generator_draws_the_same() -> None:
    a, b, c = (draw_warp(32, Augment(), seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(a.elastic, b.elastic)
    assert torch.equal(a.linear, b.linear)
    assert not torch.equal(a.elastic, c.elastic)


def test_intensity() -> None:
    raw = torch.linspace(0.3, 0.7, 1000)
    same = vary_intensity(raw, Augment(contrast=(1, 1), brightness=(0, 0)), seeded(0))
    torch.testing.assert_close(same, raw)
    contrast = vary_intensity(raw, Augment(contrast=(1.5, 1.5), brightness=(0, 0)), seeded(0))
    torch.testing.assert_close(contrast, 0.5 + 1.5 * (raw - 0.5))
    brighter = vary_intensity(raw, Augment(contrast=(1, 1), brightness=(0.1, 0.1)), seeded(0))
    torch.testing.assert_close(brighter, raw + 0.1)
    clipped = vary_intensity(raw, Augment(contrast=(1, 1), brightness=(0.5, 0.5)), seeded(0))
    assert clipped.max() == 1
    noisy = vary_intensity(raw, Augment(contrast=(1, 1), brightness=(0, 0), noise=0.05), seeded(1)) - raw
    assert 0 < noisy.std() < 0.06
    assert abs(float(noisy.mean())) < 0.01


def test_intensity_stays_within_what_the_recipe_allows() -> None:
    raw = torch.linspace(0.4, 0.6, 100)
    settings = Augment(contrast=(0.7, 1.3), brightness=(-0.2, 0.2))
    drawn = [vary_intensity(raw, settings, seeded(seed)) for seed in range(200)]
    gains = torch.tensor([float((d[-1] - d[0]) / 0.2) for d in drawn])
    offsets = torch.tensor([float(d.mean()) - 0.5 for d in drawn])
    assert 0.7 - 1e-5 <= gains.min() < 0.75 < 1.25 < gains.max() <= 1.3 + 1e-5
    assert -0.2 - 1e-5 <= offsets.min() < -0.17 < 0.17 < offsets.max() <= 0.2 + 1e-5


def test_thick_sections_stay_in_their_plane() -> None:
    """Turns in the plane and mirrors, z included, and nothing else."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        warp = draw_warp(16, Augment(permute="in_plane"), generator)
        whole = warp.outer @ warp.linear
        torch.testing.assert_close(whole[0].abs(), torch.tensor([1.0, 0.0, 0.0]))
        torch.testing.assert_close(whole[:, 0].abs(), torch.tensor([1.0, 0.0, 0.0]))
