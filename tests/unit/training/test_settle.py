"""The normalisation's statistics after training: plain averages over further blocks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from asem_core.training.recipe import structure_recipe
from asem_core.training.settle import freeze_statistics, settle_statistics
from asem_core.training.unet import UNet

BLOCKS = 3


class Numbered:
    """A sampler whose block ``n`` depends on ``n`` only."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def batch(self, number: int, phase: Any) -> Any:
        self.asked.append(number)
        generator = torch.Generator().manual_seed(number)
        return SimpleNamespace(raw=torch.rand(1, 1, *[phase.side] * 3, generator=generator) * number)


def test_statistics_are_averages_over_the_blocks_after_the_last_iteration() -> None:
    values = {
        "organelle": "mito", "voxel_size_nm": [10, 10, 10], "training": [{"raw": "a", "labels": "a"}],
        "normalise": True, "settle_blocks": BLOCKS, "phases": [{"iterations": 5, "side": 16, "padded": True}],
    }  # fmt: skip
    recipe: Any = structure_recipe(values, where="test")
    network = UNet(2, normalise=True)
    sampler: Any = Numbered()
    settle_statistics(network, sampler, recipe)
    assert sampler.asked == [5, 6, 7]

    first_pass = network.unet.l_conv[0].conv_pass  # type: ignore[union-attr]
    convolution, norm = first_pass[0], first_pass[1][0]
    assert isinstance(norm, nn.BatchNorm3d)
    network.pad(True)
    with torch.no_grad():
        outputs = [convolution(Numbered().batch(n, recipe.phases[0]).raw) for n in (5, 6, 7)]
    means = torch.stack([out.mean((0, 2, 3, 4)) for out in outputs])
    variances = torch.stack([out.var((0, 2, 3, 4)) for out in outputs])
    torch.testing.assert_close(norm.running_mean, means.mean(0))
    torch.testing.assert_close(norm.running_var, variances.mean(0))
    assert norm.momentum == nn.BatchNorm3d(1).momentum


def test_frozen_statistics_are_used_and_kept_while_training() -> None:
    network = UNet(2, normalise=True)
    network.pad(True)
    block = torch.rand(1, 1, 16, 16, 16)
    for _ in range(3):
        network.train()(block)
    kept = {name: value.clone() for name, value in network.named_buffers()}
    expected = network.eval()(block)
    network.train()
    freeze_statistics(network)
    torch.testing.assert_close(network(block), expected)
    for name, value in network.named_buffers():
        torch.testing.assert_close(value, kept[name])
