"""Put the normalisation back into a trained network: the same function at first, and as trainable as a new one.

The weights of a package have their normalisation folded in, and train on badly: from them, AdamW at 3e-4 left tissue of
another kind at F1 0.10, where the unfolded network reached 0.48 in the same 120 iterations. What normalises are fixed
statistics of the new data, so that the network that is trained is the one that infers (docs/decisions/0029).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from asem_core.training.unet import ConvPass, UNet


class FixedNorm3d(nn.BatchNorm3d):
    """Normalises by its running statistics while training too, and leaves them as they are."""

    def forward(self, x: Tensor) -> Tensor:
        """``x`` ``(n, features, z, y, x)`` normalised, scaled and shifted."""
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
        )


@torch.no_grad()
def without_effect(plain: UNet) -> UNet:
    """A copy of ``plain`` with normalisations after its convolutions that change nothing yet."""
    network = UNet(plain.base, normalise=True)
    for bare, normalised in zip(_passes(plain), _passes(network), strict=True):
        for index, layer in enumerate(bare.conv_pass):
            if isinstance(layer, nn.Conv3d):
                normalised.conv_pass[index].load_state_dict(layer.state_dict())
        for following in normalised.conv_pass:
            if isinstance(following, nn.Sequential):
                following[0] = FixedNorm3d(int(following[0].num_features))  # type: ignore[arg-type]
    for _, norm in normalised_layers(network):
        _set(norm, mean=torch.zeros(norm.num_features), variance=torch.ones(norm.num_features) - norm.eps)
    return network


@torch.no_grad()
def unfold(network: UNet, blocks: Iterable[Tensor]) -> None:
    """Give every normalisation of ``network`` the statistics of its input over ``blocks``, and keep its function.

    Running mean and variance become those of the convolution before; weight and bias their deviation and mean: the
    network gives what it gave before, up to rounding.

    Parameters
    ----------
    network
        Of `without_effect`.
    blocks
        ``(n, 1, z, y, x)`` float32 in [-1, 1] each, of the data that is trained on next; at least one.
    """
    layers = list(normalised_layers(network))
    moments = [torch.zeros(2, norm.num_features, dtype=torch.float64) for _, norm in layers]

    def add(index: int) -> object:
        def hook(_: nn.Module, __: object, out: Tensor) -> None:
            variance, mean = torch.var_mean(out.float(), dim=(0, 2, 3, 4), correction=0)
            mean, variance = mean.double().cpu(), variance.double().cpu()
            moments[index] += torch.stack([mean, variance + mean**2])

        return hook

    network.eval()
    hooks = [conv.register_forward_hook(add(index)) for index, (conv, _) in enumerate(layers)]  # type: ignore[arg-type]
    count = 0
    try:
        for block in blocks:
            network(block)
            count += 1
    finally:
        for hook in hooks:
            hook.remove()
    for (_, norm), (mean, square) in zip(layers, moments, strict=True):
        _set(norm, mean=mean / count, variance=(square / count - (mean / count) ** 2).clamp(min=0))


def normalised_layers(network: UNet) -> Iterable[tuple[nn.Conv3d, nn.BatchNorm3d]]:
    """Every convolution of ``network`` that a normalisation follows, with it, in order."""
    for conv_pass in _passes(network):
        for conv, following in pairwise(conv_pass.conv_pass):
            if isinstance(conv, nn.Conv3d) and isinstance(following, nn.Sequential):
                norm = following[0]
                assert isinstance(norm, nn.BatchNorm3d)
                yield conv, norm


def _set(norm: nn.BatchNorm3d, *, mean: Tensor, variance: Tensor) -> None:
    """Normalise by ``mean`` and ``variance``, and undo it."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((norm.running_var + norm.eps).sqrt())
    norm.bias.copy_(norm.running_mean)


def _passes(network: UNet) -> Iterable[ConvPass]:
    return (module for module in network.modules() if isinstance(module, ConvPass))
