"""Batch renormalisation gives what inference gives, and learns like batch normalisation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from asem_core.training.renorm import MOMENTUM, MOST_SHIFT, BatchRenorm3d


def block(*, seed: int = 0, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return shift + scale * torch.randn(2, 3, 8, 9, 10, generator=generator)


@pytest.fixture
def norm() -> BatchRenorm3d:
    """Of an input with mean 1 and deviation 2."""
    made = BatchRenorm3d(3)
    with torch.no_grad():
        made.running_mean.fill_(1.0)  # type: ignore[union-attr]
        made.running_var.fill_(4.0)  # type: ignore[union-attr]
        made.weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
        made.bias.copy_(torch.tensor([0.1, 0.0, -3.0]))
    return made


@pytest.mark.parametrize(("scale", "shift"), [(2.0, 1.0), (1.0, 0.0), (5.0, -3.0)])
def test_training_gives_what_inference_gives(norm: BatchRenorm3d, scale: float, shift: float) -> None:
    x = block(scale=scale, shift=shift)
    expected = norm.eval()(x)
    torch.testing.assert_close(norm.train()(x), expected, rtol=1e-4, atol=1e-4)


def test_statistics_follow(norm: BatchRenorm3d) -> None:
    x = block(scale=3.0, shift=2.0)
    norm.train()(x)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    torch.testing.assert_close(norm.running_mean, 1.0 + MOMENTUM * (x.mean((0, 2, 3, 4)) - 1.0))
    torch.testing.assert_close(
        norm.running_var, 4.0 + MOMENTUM * (x.var((0, 2, 3, 4), correction=0) - 4.0), rtol=1e-4, atol=1e-4
    )
    kept = norm.running_mean.clone()
    norm.eval()(x)
    assert norm.running_mean.equal(kept)


def test_the_gradient_is_that_of_batch_normalisation(norm: BatchRenorm3d) -> None:
    """No gradient along the mean and the scale of a block, as where it is normalised by its own statistics."""
    target = block(seed=1)
    gradients = []
    for layer in (norm, nn.BatchNorm3d(3)):
        x = block(scale=2.0, shift=1.0).requires_grad_()
        (layer.train()(x) * target).sum().backward()
        assert x.grad is not None
        gradients.append(x.grad)
        assert x.grad.sum((0, 2, 3, 4)).abs().max() < 1e-2
        assert (x.grad * (x - x.mean((0, 2, 3, 4), keepdim=True))).sum((0, 2, 3, 4)).abs().max() < 1e-2
    ratio = gradients[0] / gradients[1]
    torch.testing.assert_close(ratio.median(), norm.weight.median().detach(), rtol=0.1, atol=0.0)


def test_a_block_from_nowhere_is_bounded(norm: BatchRenorm3d) -> None:
    assert norm.train()(block(shift=1e4)).abs().max() < 2.0 * (MOST_SHIFT + 5) + 3
