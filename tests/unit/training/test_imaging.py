"""A block as another microscope would have shown it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from asem_core.errors import RecipeError
from asem_core.training.augment import draw_warp
from asem_core.training.imaging import blurred, curtains, cut_sections, reimage
from asem_core.training.recipe import Augment, structure_recipe


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def raw() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).random((24, 20, 28)).astype(np.float32))


def test_by_default_nothing_is_changed_and_nothing_is_drawn(raw: torch.Tensor) -> None:
    generator = seeded()
    before = generator.get_state()
    assert torch.equal(reimage(raw, Augment(), generator, voxel_nm=10), raw)
    assert torch.equal(generator.get_state(), before), "blocks of earlier recipes stay what they were"


@pytest.mark.parametrize("axis", range(3))
def test_a_section_is_the_mean_of_what_it_holds(raw: torch.Tensor, axis: int) -> None:
    found = cut_sections(raw, axis, 4.0)
    assert found.shape == raw.shape
    stack, sections = raw.movedim(axis, 0).numpy(), found.movedim(axis, 0).numpy()
    means = stack.reshape(-1, 4, *stack.shape[1:]).mean(1)
    # The middle of a section lies between its second and third voxel.
    np.testing.assert_allclose((sections[1::4] + sections[2::4]) / 2, _between(means), atol=1e-5)


def _between(means: np.ndarray) -> np.ndarray:
    """Mean of the linear interpolation an eighth of a section before and after every middle."""
    padded = np.concatenate([means[:1], means, means[-1:]])
    return 0.875 * means + 0.0625 * (padded[:-2] + padded[2:])


def test_sections_as_thin_as_a_voxel_are_the_block(raw: torch.Tensor) -> None:
    torch.testing.assert_close(cut_sections(raw, 0, 1.0), raw)


def test_lost_sections_are_black_or_those_before(raw: torch.Tensor) -> None:
    seen = set()
    for seed in range(20):
        found = cut_sections(raw, 0, 1.0, lost=0.3, generator=seeded(seed))
        changed = [n for n in range(24) if not torch.allclose(found[n], raw[n])]
        assert 0 < len(changed) < 20
        for n in changed:
            kind = "black" if not found[n].any() else "before"
            assert kind == "black" or torch.allclose(found[n], raw[n - 1])
            seen.add(kind)
    assert seen == {"black", "before"}


@pytest.mark.parametrize("sigma", [0.5, 1.3])
def test_blur_is_a_gaussian(raw: torch.Tensor, sigma: float) -> None:
    expected = ndimage.gaussian_filter(raw.numpy(), sigma, mode="mirror", radius=int(np.ceil(3 * sigma)))
    np.testing.assert_allclose(blurred(raw, sigma).numpy(), expected, atol=1e-5)


def test_curtains_run_along_y() -> None:
    found = curtains(torch.Size((16, 12, 200)), seeded())
    assert (found == found[:, :1]).all()
    assert found[0, 0].std() == pytest.approx(1, abs=0.15)
    assert not torch.equal(found[0], found[15])


EVERYTHING: dict[str, Any] = {
    "thick_probability": 0.5, "missing_probability": 0.1, "blur": 1.5, "gamma": (0.7, 1.4), "curtains": 0.1,
}  # fmt: skip


@pytest.mark.parametrize("permute", ["all", "in_plane"])
def test_all_at_once_stays_within_the_range_and_is_seeded(raw: torch.Tensor, permute: Any) -> None:
    augment = Augment(permute=permute, **EVERYTHING)
    for seed in range(10):
        found = reimage(raw, augment, seeded(seed), voxel_nm=10)
        assert found.shape == raw.shape
        assert 0 <= found.min() <= found.max() <= 1
        assert torch.equal(found, reimage(raw, augment, seeded(seed), voxel_nm=10))
        assert not torch.equal(found, raw)


def test_sections_of_thick_volumes_are_cut_along_z(raw: torch.Tensor) -> None:
    augment = Augment(permute="in_plane", thick_probability=1, thick_nm=(60, 60))
    torch.testing.assert_close(reimage(raw, augment, seeded(), voxel_nm=10), cut_sections(raw, 0, 6.0))


def test_magnified_blocks_come_from_less_of_the_volume() -> None:
    augment = Augment(scale=(2.0, 2.0), rotate=False, elastic_sigma=0)
    assert abs(torch.linalg.det(draw_warp(16, augment, seeded()).linear)) == pytest.approx(1 / 8)
    spread = [
        abs(float(torch.linalg.det(draw_warp(16, Augment(scale=(0.5, 2.0), rotate=False), seeded(n)).linear)))
        for n in range(40)
    ]
    assert min(spread) > 1 / 8 - 1e-6
    assert max(spread) < 8 + 1e-6
    assert min(spread) < 1 < max(spread)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"gamma": [0, 1]}, "gamma must be two numbers above 0, the smaller first"),
        ({"scale": [1.2, 0.8]}, "scale must be two numbers above 0, the smaller first"),
        ({"thick_nm": [-20, 80]}, "thick_nm must be"),
        ({"missing_probability": 1.5}, "missing_probability must be from 0 to 1"),
        ({"blur": 9}, "blur"),
        ({"curtains": -0.1}, "curtains"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    values = {
        "organelle": "mito", "voxel_size_nm": [10, 10, 10], "training": [{"raw": "a", "labels": "a"}],
        "preset": "fast", "augment": wrong,
    }  # fmt: skip
    with pytest.raises(RecipeError, match=said):
        structure_recipe(values, where="test")
