"""Which blocks are drawn: reproducible, labels on their raw, nothing outside, the rules of the recipe."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from asem_core.errors import RecipeError
from asem_core.geometry import Box
from asem_core.training.occupancy import Occupancy
from asem_core.training.recipe import Phase, Sampling, structure_recipe
from asem_core.training.sample import Block, Sampler
from asem_core.training.volumes import LabelledVolume

CPU = torch.device("cpu")
PADDED, VALID = Phase(iterations=1, side=16, padded=True), Phase(iterations=1, side=100)
STILL = {
    "elastic_sigma": 0.0, "rotate": False, "section_shift_probability": 0.0,
    "contrast": [1.0, 1.0], "brightness": [0.0, 0.0],
}  # fmt: skip
ANY_BLOCK = {"min_foreground": 0.0, "keep_without": 1.0, "min_inside": 0.0}


def volume(raw: np.ndarray, labels: np.ndarray, *, share: float = 1.0) -> LabelledVolume:
    return LabelledVolume(name="memory", raw=raw.astype(np.float32), labels=labels.astype(np.uint8), share=share)


def sampler(*volumes: LabelledVolume, **changes: Any) -> Sampler:
    values = {
        "organelle": "mito", "voxel_size_nm": [10, 10, 10], "training": [{"raw": "a", "labels": "a"}],
        "phases": [{"iterations": 1, "side": 100}], "sampling": ANY_BLOCK, **changes,
    }  # fmt: skip
    return Sampler(volumes, structure_recipe(values, where="test"), CPU)


def waves(*shape: int) -> np.ndarray:
    z, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    return 0.5 + 0.5 * np.sin(0.2 * z + 1) * np.cos(0.15 * y) * np.sin(0.12 * x + 2)


SMOOTH = waves(40, 44, 48)
CELL = volume(SMOOTH, SMOOTH > 0.5)


def equal(a: Block, b: Block) -> bool:
    return torch.equal(a.raw, b.raw) and torch.equal(a.labels, b.labels) and torch.equal(a.mask, b.mask)


@pytest.mark.parametrize(("phase", "core"), [(PADDED, 16), (VALID, 6)])
def test_shapes_and_types(phase: Phase, core: int) -> None:
    block = sampler(CELL).block(0, phase)
    assert block.raw.shape == (1, phase.side, phase.side, phase.side)
    assert block.labels.shape == block.mask.shape == (core, core, core)
    assert (block.raw.dtype, block.labels.dtype, block.mask.dtype) == (torch.float32, torch.int64, torch.float32)
    assert -1 <= block.raw.min() < block.raw.max() <= 1
    assert set(block.labels.unique().tolist()) <= {0, 1}


def test_a_sample_depends_on_seed_and_number_only() -> None:
    one, two, other = sampler(CELL, seed=3), sampler(CELL, seed=3), sampler(CELL, seed=4)
    for number in range(5):
        one.block(number, PADDED)
    torch.manual_seed(99)
    assert equal(one.block(7, PADDED), two.block(7, PADDED))
    assert not equal(one.block(7, PADDED), one.block(8, PADDED))
    assert not equal(one.block(7, PADDED), other.block(7, PADDED))


def test_a_batch_is_its_samples_in_order() -> None:
    draw = sampler(CELL, batch=3)
    batch = draw.batch(2, PADDED)
    assert batch.raw.shape == (3, 1, 16, 16, 16)
    for i in range(3):
        single = draw.block(6 + i, PADDED)
        assert torch.equal(batch.raw[i], single.raw)
        assert torch.equal(batch.labels[i], single.labels)
        assert torch.equal(batch.mask[i], single.mask)


@pytest.mark.parametrize("phase", [PADDED, VALID])
def test_labels_lie_on_their_raw_through_every_augmentation(phase: Phase) -> None:
    """The label is ``image > 0.5``: wherever the sampled image is clearly on one side, so must the label be."""
    full = {**STILL, "elastic_sigma": 2.0, "rotate": True, "section_shift_probability": 0.2}
    draw = sampler(CELL, augment=full)
    clear = 0
    for number in range(12 if phase.padded else 4):
        block = draw.block(number, phase)
        margin = 0 if phase.padded else 47
        core = slice(margin, phase.side - margin)
        raw = block.raw[0, core, core, core] / 2
        sure = raw.abs() > 0.1  # half a voxel diagonal times the steepest slope
        assert torch.equal(block.labels[sure] > 0, raw[sure] > 0)
        clear += int(sure.sum())
    assert clear > 200


@pytest.mark.parametrize("phase", [PADDED, VALID])
def test_without_deformation_a_block_is_a_mirrored_transposed_crop(phase: Phase) -> None:
    rng = np.random.default_rng(1)
    raw = rng.random((20, 22, 24))
    draw = sampler(volume(raw, raw > 0.5), augment=STILL)
    margin = 0 if phase.padded else 47
    core = phase.side - 2 * margin
    padded = np.pad(raw, margin, mode="symmetric")
    for number in range(4):
        block = draw.block(number, phase)
        value = ((block.raw[0] + 1) / 2).numpy()
        assert find(padded, value, phase.side)
        inner = value[margin : margin + core, margin : margin + core, margin : margin + core]
        np.testing.assert_array_equal(block.labels.numpy(), inner > 0.5)
        assert block.mask.all()


def find(volume: np.ndarray, block: np.ndarray, side: int) -> bool:
    """Whether a mirrored, transposed ``block`` is a crop of ``volume``."""
    for order, flips in product(permutations(range(3)), product((False, True), repeat=3)):
        turned = np.flip(block.transpose(order), [axis for axis in range(3) if flips[axis]])
        size = [n - side + 1 for n in volume.shape]
        corner = np.abs(volume[: size[0], : size[1], : size[2]] - turned[0, 0, 0])
        for z, y, x in np.argwhere(corner < 1e-4):
            if np.abs(volume[z : z + side, y : y + side, x : x + side] - turned).max() < 2e-4:
                return True
    return False


def test_nothing_outside_the_volume_is_trained_on() -> None:
    thin = waves(4, 40, 40)
    draw = sampler(volume(thin, thin > 0.5), augment=STILL)
    for number in range(5):
        mask = draw.block(number, PADDED).mask
        assert mask.sum() == 4 * 16 * 16
        planes = [mask.sum((1, 2)), mask.sum((0, 2)), mask.sum((0, 1))]
        across = next(axis for axis, plane in enumerate(planes) if (plane == 0).any())
        assert planes[across].tolist() == [0] * 6 + [256] * 4 + [0] * 6


def test_a_valid_block_reads_context_beyond_the_core_and_masks_the_core_alone() -> None:
    mask = sampler(CELL, augment=STILL).block(0, VALID).mask
    assert mask.shape == (6, 6, 6)
    assert mask.all()


def half() -> LabelledVolume:
    """A thirty-second of the volume is organelle."""
    labels = np.zeros((16, 16, 512))
    labels[..., :16] = 1
    return volume(np.zeros(labels.shape), labels)


def foregrounds(draw: Sampler, count: int) -> np.ndarray:
    return np.array([float(draw.block(number, PADDED).labels.float().mean()) for number in range(count)])


def test_blocks_without_enough_organelle_are_rejected() -> None:
    rules = {"min_foreground": 0.25, "keep_without": 0.0, "min_inside": 0.5}
    found = foregrounds(sampler(half(), augment=STILL, sampling=rules), 60)
    assert found.min() >= 0.25


def test_some_blocks_without_are_kept() -> None:
    always = foregrounds(sampler(half(), augment=STILL), 150)
    sometimes = foregrounds(
        sampler(half(), augment=STILL, sampling={"min_foreground": 0.05, "keep_without": 0.1, "min_inside": 0.5}), 150
    )
    # 16 of 497 places have organelle in reach (15 with 5 %): 3 % of all blocks, and 15 / (15 + 48) = 24 % by the rule.
    assert (always >= 0.05).mean() < 0.1
    assert 0.12 < (sometimes >= 0.05).mean() < 0.38


def test_a_phase_may_have_its_own_rules() -> None:
    rules = {"min_foreground": 0.25, "keep_without": 0.0, "min_inside": 0.5}
    draw = sampler(half(), augment=STILL)
    strict = attrs.evolve(PADDED, sampling=Sampling(**rules))
    found = [float(draw.block(number, strict).labels.float().mean()) for number in range(20)]
    assert min(found) >= 0.25
    assert np.array_equal(found, foregrounds(sampler(half(), augment=STILL, sampling=rules), 20))


def test_blocks_mostly_outside_are_rejected() -> None:
    thin = volume(np.zeros((4, 40, 40)), np.ones((4, 40, 40)))
    with pytest.raises(RecipeError, match=r"no block of 16 voxels passes the sampling rules.*min_inside=0\.5"):
        sampler(thin, sampling={"min_inside": 0.5}).block(0, PADDED)
    draw = sampler(thin, sampling={**ANY_BLOCK, "min_inside": 0.25})
    assert draw.block(0, PADDED).mask.any()


def sparse(shape: tuple[int, int, int], count: int, *, share: float = 1.0) -> LabelledVolume:
    """A volume in which ``count`` small strokes count, half of each the organelle."""
    labels, inside = np.zeros((2, *shape), np.uint8)
    for z, y, x in np.random.default_rng(2).integers(0, np.array(shape) - 4, (count, 3)):
        inside[z : z + 2, y : y + 4, x : x + 4] = 1
        labels[z : z + 2, y : y + 4, x : x + 2] = 1
    return attrs.evolve(volume(labels, labels, share=share), inside=inside)


@pytest.mark.parametrize("shape", [(9, 40, 61), (16, 17, 30), (40, 16, 23)])
@pytest.mark.parametrize("organelle", [0, 20])
def test_places_are_all_that_may_pass_each_once(shape: tuple[int, int, int], organelle: int) -> None:
    cell, core, least = sparse(shape, 5), 16, 24
    places = Occupancy.of(cell).places(core, inside=least, organelle=organelle)
    found = [places[number] for number in range(len(places))]
    assert len(found) == len(set(found))
    assert cell.inside is not None
    starts = [range(n - core + 1) if n > core else [(n - core) // 2] for n in shape]
    passing = set()
    for start in product(*starts):
        at = Box(start, [s + core for s in start]).intersect(Box.of_shape(shape)).slices
        if cell.inside[at].sum() >= least and cell.labels[at].sum() >= organelle:
            passing.add(start)
    assert passing <= set(found) <= set(product(*starts))
    assert passing
    with pytest.raises(IndexError):
        places[len(places)]


def test_strokes_far_apart_in_a_large_cell_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all places one in 900 holds a whole stroke."""
    monkeypatch.setattr("asem_core.training.sample._MAX_DRAWS", 40)
    cell, rules = sparse((16, 700, 700), 3), {**ANY_BLOCK, "min_inside": 24 / 16**3}
    assert len(Occupancy.of(cell).places(16, inside=24, organelle=0)) < (700 - 15) ** 2 / 200
    draw = sampler(cell, augment=STILL, sampling=rules)
    blocks = [draw.block(number, PADDED) for number in range(12)]
    assert all(block.mask.sum() >= 24 for block in blocks)
    assert equal(blocks[7], sampler(cell, augment=STILL, sampling=rules).block(7, PADDED))


def test_sparse_volumes_are_drawn_by_their_shares_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where most places pass: by share, and by how much of a volume does."""
    monkeypatch.setattr("asem_core.training.sample._MAX_DRAWS", 40)
    full, tenth = sparse((16, 60, 60), 9), sparse((16, 90, 90), 2, share=2)
    rules = {**ANY_BLOCK, "min_inside": 1 / 16**3}
    for cell in (full, tenth):
        assert cell.inside is not None
        cell.inside[:, :16, :16] = 0

    def drawn() -> float:
        draw = sampler(full, tenth, augment=STILL, sampling=rules)
        generator = torch.Generator().manual_seed(0)
        return float(np.mean([draw._place(16, Sampling(**rules), generator)[0] for _ in range(300)]))

    anywhere = drawn()
    assert 0.1 < anywhere < 0.4
    monkeypatch.setattr("asem_core.training.sample._uniform", lambda n, core, generator: 0)
    assert drawn() == pytest.approx(anywhere, abs=0.1)


def test_volumes_are_drawn_by_their_shares() -> None:
    zeros = np.zeros((16, 16, 16))
    a, b = volume(zeros, zeros, share=3), volume(zeros, zeros + 1, share=1)
    found = foregrounds(sampler(a, b, augment=STILL), 300)
    assert set(found) == {0, 1}
    assert 0.17 < found.mean() < 0.33


def test_every_place_of_the_volume_can_be_drawn() -> None:
    raw = np.broadcast_to(np.arange(24) / 24, (16, 16, 24))
    draw = sampler(volume(raw, np.zeros(raw.shape)), augment=STILL)
    lowest = {round(float(draw.block(number, PADDED).raw.min() + 1) * 12) for number in range(120)}
    assert lowest == set(range(9))


def test_a_mask_limits_where_blocks_lie_and_where_the_loss_counts() -> None:
    inside = np.zeros((40, 44, 48), np.uint8)
    inside[:, :, 24:] = 1
    masked = attrs.evolve(CELL, inside=inside)
    draws = sampler(masked, augment=STILL, sampling={**ANY_BLOCK, "min_inside": 0.75})
    fractions = [float(draws.block(number, PADDED).mask.mean()) for number in range(20)]
    assert min(fractions) >= 0.75
    assert min(fractions) < 1


def test_a_mask_of_ones_changes_nothing() -> None:
    everywhere = attrs.evolve(CELL, inside=np.ones((40, 44, 48), np.uint8))
    assert equal(sampler(CELL).block(3, PADDED), sampler(everywhere).block(3, PADDED))


def test_foreground_outside_the_mask_does_not_count() -> None:
    labels = np.zeros((40, 44, 48), np.uint8)
    labels[:, :, :20] = 1
    masked = attrs.evolve(volume(SMOOTH, labels), inside=1 - labels)
    with pytest.raises(RecipeError, match="sampling rules"):
        sampler(masked, sampling={"min_foreground": 0.05, "keep_without": 0.0, "min_inside": 0.1}).block(0, PADDED)


@pytest.mark.parametrize("thick", [False, True])
def test_thick_sections_are_not_turned_upright(thick: bool) -> None:
    grey = np.broadcast_to(np.linspace(0, 1, 40, dtype=np.float32)[:, None, None], (40, 40, 40)).copy()
    cell = attrs.evolve(volume(grey, np.ones_like(grey)), thick=thick)
    drawn = sampler(cell, augment=STILL)
    steps = [
        drawn.block(number, PADDED).raw[0].diff(dim=axis).abs().max() for number in range(12) for axis in (0, 1, 2)
    ]
    along = np.reshape([float(step) > 1e-4 for step in steps], (12, 3))
    assert (along.sum(axis=1) == 1).all()
    assert along[:, 0].all() == thick
