"""Fold batch normalisation into the convolutions: the inference network is the plain U-Net of the paper."""

from __future__ import annotations

import torch
from torch import nn

from asem_core.training.unet import ConvPass, UNet


@torch.no_grad()
def fold(network: UNet) -> UNet:
    """A plain copy of ``network`` that computes the same as it does in evaluation mode (running statistics)."""
    plain = UNet(network.base)
    source = (m for m in network.modules() if isinstance(m, ConvPass))
    target = (m for m in plain.modules() if isinstance(m, ConvPass))
    for normalised, bare in zip(source, target, strict=True):
        for index, layer in enumerate(normalised.conv_pass):
            if isinstance(layer, nn.Conv3d):
                following = normalised.conv_pass[index + 1] if index + 1 < len(normalised.conv_pass) else None
                weight, bias = _folded(layer, following)
                bare.conv_pass[index].load_state_dict({"weight": weight, "bias": bias})
    return plain.eval()


def _folded(conv: nn.Conv3d, following: nn.Module | None) -> tuple[torch.Tensor, torch.Tensor]:
    assert conv.bias is not None  # ConvPass always has one
    if not isinstance(following, nn.Sequential):
        return conv.weight, conv.bias
    norm = following[0]
    assert isinstance(norm, nn.BatchNorm3d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return conv.weight * scale.reshape(-1, 1, 1, 1, 1), (conv.bias - norm.running_mean) * scale + norm.bias
