"""Checkpoints of the published ASEM program, read into our network: names, shapes and values checked one by one.

The file holds ``model_state_dict`` (and ``optimizer_state_dict``); its names are those of `asem_core.training.unet`::

    unet.l_conv.{0..3}.conv_pass.{0,2}.{weight,bias}       unet.r_conv.0.{0,1,2}.conv_pass.{0,2}.{weight,bias}
    final_conv_pass.conv_pass.0.{weight,bias}              (r_conv.0.0 is the top level; 1 and 3 are the ReLUs)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from asem_core.errors import ModelError
from asem_core.training.saved import read_saved
from asem_core.training.unet import UNet
from asem_core.zoo.guard.pickle_file import check_state_dict

FIRST = "unet.l_conv.0.conv_pass.0.weight"
LARGEST_BASE = 128
"""Features of the top level; the published networks have 32."""
_WEIGHTS = ("model_state_dict", "state_dict")
_PARALLEL = "module."
"""What `torch.nn.DataParallel` puts before every name."""


@attrs.frozen(kw_only=True, eq=False)
class Checkpoint:
    """A checkpoint that was read."""

    network: UNet
    """float32, evaluation mode."""
    dtype: str
    """As the weights are stored, such as ``float32``."""
    iterations: int | None
    """Steps of training that the checkpoint tells of; None where it does not."""


def read_checkpoint(path: Path) -> Checkpoint:
    """The network in the checkpoint ``path``. Nothing that the file holds is run.

    Raises
    ------
    ModelError
        There is no such file, it holds code or no weights, or the weights are not those of an ASEM network: the message
        names the first tensor that does not fit.

    Examples
    --------
    >>> read_checkpoint(Path("model_checkpoint_1841_er_CF.pt")).iterations  # doctest: +SKIP
    """
    if not path.is_file():
        raise ModelError(f"{path}: there is no such checkpoint")
    check_state_dict(path)
    stored = read_saved(path)
    if not isinstance(stored, Mapping):
        raise ModelError(f"{path} holds a {type(stored).__name__}, expected a mapping with model_state_dict")
    published = next((stored[key] for key in _WEIGHTS if isinstance(stored.get(key), Mapping)), stored)
    try:
        state = unet_state(published)
    except ModelError as error:
        raise ModelError(f"{path} is no checkpoint of the ASEM network: {error}") from None
    network = UNet(state[FIRST].shape[0]).eval()
    network.load_state_dict(state)
    dtype = next(str(values.dtype) for name, values in published.items() if name.endswith(FIRST))
    return Checkpoint(network=network, dtype=dtype.removeprefix("torch."), iterations=_iterations(stored))


def unet_state(published: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state dict of our `UNet` from a published one, float32; every name, shape and value is checked.

    Raises
    ------
    ModelError
        Names the first tensor that is missing, does not belong, or has another shape, and values that are no numbers.

    Examples
    --------
    >>> state = unet_state({f"module.{name}": values.half() for name, values in UNet(2).state_dict().items()})
    >>> len(state), state[FIRST].dtype
    (30, torch.float32)
    """
    if published and all(str(name).startswith(_PARALLEL) for name in published):
        published = {name.removeprefix(_PARALLEL): values for name, values in published.items()}
    expected = _expected(published)
    state = {name: _checked(name, published.get(name), shape) for name, shape in expected.items()}
    for name in published:
        if name not in expected:
            raise ModelError(
                f"{name} does not belong to a U-Net with one head of two classes; expected only {FIRST}, ..."
            )
    return state


def _expected(published: Mapping[str, Any]) -> dict[str, torch.Size]:
    """Names and shapes of our network, of the base size that the first convolution has."""
    first = published.get(FIRST)
    if not isinstance(first, Tensor):
        found = next(iter(published), None)
        raise ModelError(f"{FIRST} is missing; the first entry is {found!r}")
    base = first.shape[0] if first.ndim == 5 else 0
    if tuple(first.shape[1:]) != (1, 3, 3, 3) or not 1 <= base <= LARGEST_BASE:
        raise ModelError(f"{FIRST} has shape {tuple(first.shape)}, expected (1 to {LARGEST_BASE}, 1, 3, 3, 3)")
    with torch.device("meta"):
        return {name: values.shape for name, values in UNet(base).state_dict().items()}


def _checked(name: str, values: Any, shape: torch.Size) -> Tensor:
    if not isinstance(values, Tensor):
        raise ModelError(f"{name} is missing, expected a tensor of shape {tuple(shape)}")
    if values.shape != shape:
        raise ModelError(f"{name} has shape {tuple(values.shape)}, expected {tuple(shape)}")
    if not values.is_floating_point() or not bool(torch.isfinite(values).all()):
        raise ModelError(f"{name} ({values.dtype}) holds values that are no finite floating-point numbers")
    return values.detach().float()


def _iterations(stored: Mapping[str, Any]) -> int | None:
    """What the checkpoint says, or the step counter of its Adam optimiser."""
    said = stored.get("iteration")
    if isinstance(said, int):
        return said
    optimiser = stored.get("optimizer_state_dict")
    state = optimiser.get("state") if isinstance(optimiser, Mapping) else None
    entries = state.values() if isinstance(state, Mapping) else ()
    steps = [entry.get("step") for entry in entries if isinstance(entry, Mapping)]
    counts = [step.item() if isinstance(step, Tensor) and step.numel() == 1 else step for step in steps]
    return max((int(n) for n in counts if isinstance(n, int | float) and math.isfinite(n)), default=None)
