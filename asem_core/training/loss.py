"""Losses over the voxels that are trained on."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

BALANCE_CLIP = (0.01, 0.99)
"""Class frequencies are clipped to this range before they are inverted (Gallusser et al. 2022: 1:100)."""


def balance(labels: Tensor, mask: Tensor) -> Tensor:
    """Weight of every voxel: the inverse frequency of its class in the block, 0 where masked out.

    Parameters
    ----------
    labels
        ``(n, z, y, x)`` int64, 0 or 1.
    mask
        ``(n, z, y, x)`` float32, 1 where the voxel is trained on.
    """
    total = mask.sum().clamp(min=1.0)
    foreground = (labels * mask).sum() / total
    weight_1 = 0.5 / foreground.clamp(*BALANCE_CLIP)
    weight_0 = 0.5 / (1.0 - foreground).clamp(*BALANCE_CLIP)
    return mask * torch.where(labels > 0, weight_1, weight_0)


def balanced_cross_entropy(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Cross entropy weighted by `balance`, divided by the sum of the weights; 0 where nothing is trained on.

    ``logits`` is ``(n, 2, z, y, x)``. Source: Gallusser et al. 2022, Methods.
    """
    weight = balance(labels, mask)
    cross_entropy = functional.cross_entropy(logits, labels, reduction="none")
    return (weight * cross_entropy).sum() / weight.sum().clamp(min=1e-6)


def cross_entropy_dice(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Mean cross entropy plus `dice`."""
    cross_entropy = (mask * functional.cross_entropy(logits, labels, reduction="none")).sum() / mask.sum().clamp(min=1)
    return cross_entropy + dice(logits, labels, mask)


def dice(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Soft Dice loss of the organelle, 0..1. Source: Milletari et al. 2016."""
    probability = torch.softmax(logits, dim=1)[:, 1]
    overlap = (mask * probability * labels).sum()
    total = (mask * (probability + labels)).sum()
    return 1.0 - (2.0 * overlap + 1.0) / (total + 1.0)


def balanced_cross_entropy_dice(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """`balanced_cross_entropy` plus `dice`: faint, rare objects stay while what is wrong elsewhere is unlearned."""
    return balanced_cross_entropy(logits, labels, mask) + dice(logits, labels, mask)


LOSSES = {
    "balanced_cross_entropy": balanced_cross_entropy,
    "balanced_cross_entropy_dice": balanced_cross_entropy_dice,
    "cross_entropy_dice": cross_entropy_dice,
}
