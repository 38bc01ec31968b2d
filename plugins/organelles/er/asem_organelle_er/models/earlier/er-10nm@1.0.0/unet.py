"""The network of the ASEM method: a four-level 3D U-Net of valid convolutions.

This file is also the ``architecture`` file inside every bioimage.io package, so it imports torch and nothing else that
has to be installed.

Layer table for ``base = 32`` and an input of 204 voxels a side (channels in -> out, spatial side after the layer)::

    l_conv.0   1 ->  32 ->  32   202, 200          r_conv.0.0   96 ->  32 ->  32   114, 112
    l_conv.1  32 ->  64 ->  64    98,  96          r_conv.0.1  192 ->  64 ->  64    62,  60
    l_conv.2  64 -> 128 -> 128    46,  44          r_conv.0.2  384 -> 128 -> 128    34,  32
    l_conv.3 128 -> 256 -> 256    20,  18          final        32 ->   2           110

Module names are those of the published checkpoints, which therefore load as they are.
Source: Gallusser et al. 2022 (bioRxiv 2022.08.02.502534), Methods.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 4
CONTEXT = 94
"""Voxels by which the output is smaller than the input, per axis: 47 at each end."""
PACKAGE_CROP = 2
"""Voxels per side that the exported graph removes from its input before the U-Net."""


class ConvPass(nn.Module):
    """Valid 3x3x3 convolutions, each followed by its activation: ReLU, or normalisation and ReLU."""

    def __init__(self, channels: list[int], *, activate: bool = True, normalise: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for incoming, outgoing in pairwise(channels):
            layers.append(nn.Conv3d(incoming, outgoing, 3))
            if normalise:
                layers.append(nn.Sequential(nn.BatchNorm3d(outgoing), nn.ReLU(inplace=True)))
            elif activate:
                layers.append(nn.ReLU(inplace=True))
        self.conv_pass = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_pass(x)  # type: ignore[no-any-return]

    def pad(self, voxels: int) -> None:
        """Zero-pad every convolution by ``voxels`` from now on (0: valid convolutions)."""
        for layer in self.conv_pass:
            if isinstance(layer, nn.Conv3d):
                layer.padding = (voxels, voxels, voxels)


def centre_crop(x: Tensor, sides: tuple[int, int, int]) -> Tensor:
    """The central ``sides`` voxels of the last three axes of ``x``."""
    starts = [(have - want) // 2 for have, want in zip(x.shape[-3:], sides, strict=True)]
    z, y, x0 = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
    return x[..., z, y, x0]


class Backbone(nn.Module):
    """The U-Net proper: ``(n, 1, Z, Y, X)`` to ``(n, base, Z - 92, Y - 92, X - 92)``."""

    def __init__(self, base: int, *, normalise: bool = False) -> None:
        super().__init__()
        self.padded = False
        width = [base * 2**level for level in range(LEVELS)]
        left = [[1, *width][level : level + 2] for level in range(LEVELS)]
        self.l_conv = nn.ModuleList(
            ConvPass([incoming, outgoing, outgoing], normalise=normalise) for incoming, outgoing in left
        )
        # The published module keeps one list per head; there is one head.
        self.r_conv = nn.ModuleList(
            [
                nn.ModuleList(
                    ConvPass([width[level] + width[level + 1], width[level], width[level]], normalise=normalise)
                    for level in range(LEVELS - 1)
                )
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level in range(LEVELS - 1):
            x = self.l_conv[level](x)
            skips.append(x)
            x = functional.max_pool3d(x, 2)
        x = self.l_conv[LEVELS - 1](x)
        for level in reversed(range(LEVELS - 1)):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            skip = skips[level]
            if not self.padded:
                # Crop so that the output moves with the input in steps of the pooling below (equivariance).
                step = 2 ** (LEVELS - 1 - level)
                z, y, x0 = (step * ((side - 4) // step) + 4 for side in x.shape[-3:])
                skip, x = centre_crop(skip, (z, y, x0)), centre_crop(x, (z, y, x0))
            x = self.r_conv[0][level](torch.cat([skip, x], dim=1))  # type: ignore[index]
        return x


class UNet(nn.Module):
    """The organelle network: ``(n, 1, Z, Y, X)`` raw in [-1, 1] to ``(n, 2, Z - 94, Y - 94, X - 94)`` logits.

    Each side must be 4 mod 8 and at least 100. Channel 0 is background, channel 1 the organelle.

    Parameters
    ----------
    base
        Features of the top level, doubled at each level down. 32 is the paper's network (5,837,730 parameters).
    normalise
        Add batch normalisation after every convolution but the last, for training only: ``fold`` removes it.
    """

    def __init__(self, base: int = 32, *, normalise: bool = False) -> None:
        super().__init__()
        self.base = base
        self.normalise = normalise
        self.unet = Backbone(base, normalise=normalise)
        self.final_conv_pass = ConvPass([base, 2], activate=False)

    def pad(self, padded: bool) -> None:
        """Switch to zero-padded convolutions, for cheap training steps: output as large as the input, sides 0 mod 8."""
        self.unet.padded = padded
        for module in self.modules():
            if isinstance(module, ConvPass):
                module.pad(1 if padded else 0)

    def forward(self, x: Tensor) -> Tensor:
        sides = x.shape[-3:]
        if self.unet.padded and any(side % 8 for side in sides):
            raise ValueError(f"with padding, each side must be 0 mod 8, got {tuple(sides)}")
        if not self.unet.padded and any(side < 100 or side % 8 != 4 for side in sides):
            raise ValueError(f"each side must be 4 mod 8 and at least 100, got {tuple(x.shape[-3:])}")
        return self.final_conv_pass(self.unet(x))  # type: ignore[no-any-return]


class PackageNet(nn.Module):
    """The graph that a bioimage.io package carries: same size out as in, one probability channel.

    Input ``(n, 1, Z, Y, X)`` raw in [-1, 1], each side 0 mod 8 and at least 112. The outer 52 voxels of the output
    are not predictions: 49 are zeros, 3 more depend on the position in the pooling grid. Tools tile it with halo 52.
    """

    def __init__(self, base: int = 32) -> None:
        super().__init__()
        self.network = UNet(base)
        # A layer, and the last: BiaPy puts a sigmoid behind a network that does not end in an activation.
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        c = PACKAGE_CROP
        logits = self.network.final_conv_pass(self.network.unet(x[:, :, c:-c, c:-c, c:-c]))
        probability = self.softmax(logits)[:, 1:2]
        return functional.pad(probability, [c + CONTEXT // 2] * 6)
