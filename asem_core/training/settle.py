"""Statistics of the normalisation for inference: averaged over many blocks instead of the last few."""

from __future__ import annotations

import copy

import torch
from torch import nn

from asem_core.training.fold import fold
from asem_core.training.recipe import Recipe
from asem_core.training.sample import Sampler
from asem_core.training.unet import UNet


@torch.no_grad()
def settle_statistics(network: UNet, sampler: Sampler, recipe: Recipe) -> None:
    """Replace the running mean and variance by their plain average over ``recipe.settle_blocks`` further samples.

    While training, they follow the last ten or so blocks, and one block is not like the next. Source: Wu and Johnson
    2021, "Rethinking 'Batch' in BatchNorm" (precise batch normalisation).
    """
    phase = recipe.phases[-1]
    norms = _norms(network)
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
    network.train()
    network.pad(phase.padded)
    for number in range(recipe.settle_blocks):
        block = sampler.batch(recipe.iterations + number, phase)
        network(block.raw.contiguous(memory_format=torch.channels_last_3d))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def finished(network: UNet, sampler: Sampler, recipe: Recipe, *, done: int) -> UNet:
    """The plain network that a run which ended after ``done`` iterations would leave; ``network`` stays as it is."""
    if recipe.settles_after(done):
        network = copy.deepcopy(network)
        settle_statistics(network, sampler, recipe)
    return fold(network)


def freeze_statistics(network: nn.Module) -> None:
    """Normalise by the running statistics from now on, and leave them as they are, also while training."""
    for norm in _norms(network):
        norm.eval()


def _norms(network: nn.Module) -> list[nn.BatchNorm3d]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm3d)]
