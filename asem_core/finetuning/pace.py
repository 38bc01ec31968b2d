"""How fast this machine trains and judges: measured, so that a budget of minutes can be kept."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs
import torch

from asem_core.training.loop import make_optimiser, step
from asem_core.training.memory import keep_freed_memory
from asem_core.training.recipe import Recipe
from asem_core.training.sample import Block
from asem_core.training.unet import UNet

_FORWARD = 0.4
"""A prediction of a block in the time of a training step on it; measured 0.3 to 0.4."""


@attrs.frozen(kw_only=True)
class Pace:
    """Seconds on this machine."""

    step: float
    """Of training on one block."""
    validation: float
    mixed_precision: bool
    """bfloat16 was the faster, and is what ``step`` was measured with."""


def measure_pace(recipe: Recipe, device: torch.device, *, judge: Callable[[], object]) -> Pace:
    """Train twice on a block of noise in float32 and twice in bfloat16, and judge once.

    Parameters
    ----------
    recipe
        Of one phase; its network is not touched.
    judge
        What a validation does with a finished network.
    """
    keep_freed_memory()
    judging = _seconds(judge, device)
    network = UNet(recipe.base, normalise=True).to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimiser = make_optimiser(network, recipe.optimiser)
    (phase,) = recipe.phases
    shape = (recipe.batch, *[phase.side] * 3)
    noise = torch.rand(shape, device=device)
    block = Block(raw=(2 * noise - 1)[:, None], labels=(noise > 0.5).long(), mask=torch.ones(shape, device=device))
    steps = {}
    for mixed in (False, True):
        chosen = attrs.evolve(recipe, mixed_precision=mixed)
        step(network, optimiser, block, chosen, phase)
        steps[mixed] = _seconds(lambda: step(network, optimiser, block, chosen, phase), device)  # noqa: B023
    faster = min(steps, key=lambda mixed: steps[mixed])
    settling = recipe.settle_blocks * _FORWARD * steps[faster]
    return Pace(step=steps[faster], validation=judging + settling, mixed_precision=faster)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
