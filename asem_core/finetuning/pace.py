"""How fast this machine trains and judges: measured, so that a budget of minutes can be kept."""

from __future__ import annotations

import time

import attrs
import torch

from asem_core.training.loop import make_optimiser, step
from asem_core.training.memory import keep_freed_memory
from asem_core.training.recipe import Recipe
from asem_core.training.sample import Block
from asem_core.training.unet import UNet
from asem_core.training.unfold import without_effect


@attrs.frozen(kw_only=True)
class Pace:
    """Seconds on this machine."""

    step: float
    """Of one iteration."""
    mixed_precision: bool
    """bfloat16 was the faster, and is what ``step`` was measured with."""
    judging: float = 0.0
    """Of one network, on what was held back."""


def measure_pace(recipe: Recipe, device: torch.device) -> Pace:
    """Train twice on a block of noise in float32, and twice in bfloat16. How long a validation takes is not known yet.

    Parameters
    ----------
    recipe
        Of one phase.
    """
    keep_freed_memory()
    network = without_effect(UNet(recipe.base)).to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimiser = make_optimiser(network, recipe.optimiser)
    (phase,) = recipe.phases
    shape = (recipe.batch, *[phase.side] * 3)
    noise = torch.rand(shape, device=device)
    block = Block(raw=(2 * noise - 1)[:, None], labels=(noise > 0.5).long(), mask=torch.ones(shape, device=device))
    steps = {}
    for mixed in (False, True):
        chosen = attrs.evolve(recipe, mixed_precision=mixed)
        step(network, optimiser, block, chosen, phase)
        began = time.perf_counter()
        step(network, optimiser, block, chosen, phase).item()  # for which a GPU is waited for
        steps[mixed] = time.perf_counter() - began
    faster = min(steps, key=lambda mixed: steps[mixed])
    return Pace(step=steps[faster], mixed_precision=faster)
