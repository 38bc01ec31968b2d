"""Losses against loops over voxels, and what the mask promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from asem_core.training.loss import (
    LOSSES,
    balance,
    balanced_cross_entropy,
    balanced_cross_entropy_dice,
    cross_entropy_dice,
)

Case = tuple[Tensor, Tensor, Tensor]


def case(seed: int, *, share: float = 0.3, masked: float = 0.4, shape: tuple[int, ...] = (2, 4, 5, 3)) -> Case:
    rng = np.random.default_rng(seed)
    n, *sides = shape
    logits = torch.from_numpy(rng.normal(0, 2, (n, 2, *sides))).requires_grad_()
    labels = torch.from_numpy((rng.random(shape) < share).astype(np.int64))
    mask = torch.from_numpy((rng.random(shape) >= masked).astype(np.float64))
    return logits, labels, mask


def cross_entropy(logits: Tensor, index: tuple[int, ...], label: int) -> float:
    n, *voxel = index
    scores = logits.detach().numpy()[(n, slice(None), *voxel)]
    return float(math.log(sum(math.exp(s) for s in scores)) - scores[label])


def brute_balanced(logits: Tensor, labels: Tensor, mask: Tensor) -> float:
    """Method, section 2.4."""
    inside = [i for i in np.ndindex(*labels.shape) if mask[i]]
    weights = {}
    for c in (0, 1):
        count = sum(int(labels[i]) == c for i in inside)
        weights[c] = 1 / (2 * min(max(count / len(inside), 0.01), 0.99))
    scale = {i: weights[int(labels[i])] for i in inside}
    return sum(scale[i] * cross_entropy(logits, i, int(labels[i])) for i in inside) / sum(scale.values())


def brute_dice(logits: Tensor, labels: Tensor, mask: Tensor) -> float:
    inside = [i for i in np.ndindex(*labels.shape) if mask[i]]
    p = {i: math.exp(-cross_entropy(logits, i, 1)) for i in inside}
    overlap = sum(p[i] * int(labels[i]) for i in inside)
    total = sum(p[i] + int(labels[i]) for i in inside)
    return 1 - (2 * overlap + 1) / (total + 1)


@pytest.mark.parametrize("share", [0.0, 0.005, 0.3, 0.995, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_balanced_cross_entropy_equals_the_loop(seed: int, share: float) -> None:
    values = case(seed, share=share, shape=(1, 7, 8, 9))
    assert balanced_cross_entropy(*values).item() == pytest.approx(brute_balanced(*values), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_cross_entropy_dice_equals_the_loop(seed: int) -> None:
    values = case(seed)
    logits, labels, mask = values
    inside = [i for i in np.ndindex(*labels.shape) if mask[i]]
    entropy = sum(cross_entropy(logits, i, int(labels[i])) for i in inside) / len(inside)
    assert cross_entropy_dice(*values).item() == pytest.approx(entropy + brute_dice(*values), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_two_are_combined_by_their_sum(seed: int) -> None:
    values = case(seed, share=0.05, shape=(1, 7, 8, 9))
    both = brute_balanced(*values) + brute_dice(*values)
    assert balanced_cross_entropy_dice(*values).item() == pytest.approx(both, rel=1e-9)


def test_weights_are_clipped_at_one_to_a_hundred() -> None:
    labels = torch.zeros((1, 10, 20, 20), dtype=torch.int64)
    labels[0, 0, 0, 0] = 1
    weight = balance(labels, torch.ones(labels.shape))
    assert float(weight[labels == 1]) == pytest.approx(50)
    assert float(weight[labels == 0].max()) == pytest.approx(0.5 / 0.99)


def test_both_classes_weigh_the_same_in_all() -> None:
    _, labels, mask = case(5, share=0.2, masked=0.1, shape=(1, 9, 9, 9))
    weight = balance(labels, mask)
    assert float(weight[labels == 1].sum()) == pytest.approx(float(weight[labels == 0].sum()))
    assert float(weight[mask == 0].abs().sum()) == 0


@pytest.mark.parametrize("name", LOSSES)
class TestTheMask:
    def test_voxels_outside_give_no_gradient(self, name: str) -> None:
        logits, labels, mask = case(1)
        LOSSES[name](logits, labels, mask).backward()
        assert logits.grad is not None
        per_voxel = logits.grad.abs().sum(1)
        assert (per_voxel[mask == 0] == 0).all()
        assert (per_voxel[mask == 1] > 0).all()

    def test_voxels_outside_do_not_change_the_loss(self, name: str) -> None:
        logits, labels, mask = case(2)
        changed = logits.detach() + 7 * (1 - mask)[:, None] * torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1, 1)
        flipped = torch.where(mask > 0, labels, 1 - labels)
        assert LOSSES[name](changed, flipped, mask).item() == pytest.approx(LOSSES[name](logits, labels, mask).item())

    def test_nothing_to_train_on_is_finite(self, name: str) -> None:
        logits, labels, mask = case(3)
        loss = LOSSES[name](logits, labels, torch.zeros_like(mask))
        loss.backward()
        assert math.isfinite(loss.item())
        assert logits.grad is not None
        assert (logits.grad == 0).all()

    def test_a_better_prediction_costs_less(self, name: str) -> None:
        _, labels, mask = case(4)
        right = torch.stack([1 - labels, labels], 1).double()
        losses = [LOSSES[name](k * right, labels, mask).item() for k in (-5, 0, 5, 50)]
        assert losses == sorted(losses, reverse=True)
        assert losses[-1] < 1e-3
