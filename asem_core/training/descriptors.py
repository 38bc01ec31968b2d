"""Local shape descriptors: what the object round a voxel is like, learned beside the organelle and left out at export.

Ten numbers per voxel, of the voxel's object within a Gaussian window: where its centre of mass lies, how far it
extends, how it is turned, how much of the window it fills. Source: Sheridan et al. 2022, "Local shape descriptors for
neuron segmentation"; the order and scale of the channels are those of its published code.
"""

from __future__ import annotations

import math
from itertools import combinations

import torch
from scipy import ndimage
from torch import Tensor, nn

from asem_core.geometry import VoxelSize
from asem_core.training.unet import UNet

CHANNELS = 10
"""Mean offset z, y, x; variance z, y, x; Pearson correlation zy, zx, yx; size."""
_WINDOW = 3.0
"""Half its width in standard deviations."""
_FLAT = 1e-6
"""Variance, in units of sigma squared, of an object that does not extend along an axis."""


def window_voxels(sigma_nm: float, voxel_size: VoxelSize) -> tuple[int, ...]:
    """How far the window reaches from its voxel, z, y, x."""
    return tuple(int(_WINDOW * sigma_nm / voxel + 0.5) for voxel in voxel_size.zyx)


def connected(organelle: Tensor) -> Tensor:
    """Ids of the connected objects of ``organelle`` ``(z, y, x)``, int32; voxels touch by their faces."""
    ids, _ = ndimage.label(organelle.cpu().numpy())
    return torch.from_numpy(ids).to(organelle.device)


def shape_descriptors(objects: Tensor, *, sigma_nm: float, voxel_size: VoxelSize) -> Tensor:
    """Local shape descriptors of every voxel.

    Parameters
    ----------
    objects
        ``(z, y, x)`` integers: ids, 0 outside of objects. What lies beyond the array counts as outside.
    sigma_nm
        Standard deviation of the Gaussian window, which ends at three of them.

    Returns
    -------
    Tensor
        ``(10, z, y, x)`` float32, 0..1, see `CHANNELS`; 0 outside of objects. Offsets and correlations of 0 are 0.5;
        offsets are in sigma, halved; variances in sigma squared.

    Examples
    --------
    >>> sheet = torch.zeros(5, 5, 5, dtype=torch.int32).index_fill(0, torch.tensor([2]), 1)
    >>> inner = shape_descriptors(sheet, sigma_nm=10, voxel_size=VoxelSize((10, 10, 10)))[:, 2, 2, 2]
    >>> [round(value, 2) for value in inner.tolist()]
    [0.5, 0.5, 0.5, 0.0, 0.92, 0.92, 0.5, 0.5, 0.5, 0.39]
    """
    found = torch.zeros((CHANNELS, *objects.shape), device=objects.device)
    for number, box in enumerate(ndimage.find_objects(objects.cpu().numpy()), start=1):
        if box is not None:
            member = (objects[box] == number).float()
            found[:, *box] += member * _of_one(member, sigma_nm, voxel_size)
    return found


def descriptor_loss(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of the sigmoid of ``logits``, over the channels and the voxels where ``mask`` is 1.

    Parameters
    ----------
    logits, target
        ``(n, 10, z, y, x)``.
    mask
        ``(n, z, y, x)`` float32.
    """
    error = (torch.sigmoid(logits) - target).square().mean(dim=1)
    return (mask * error).sum() / mask.sum().clamp(min=1)


class Describing(nn.Module):
    """A ``network`` with a second head, which training alone has: the descriptors, as logits, beside the organelle."""

    def __init__(self, network: UNet) -> None:
        super().__init__()
        self.network = network
        self.head = nn.Conv3d(network.base, CHANNELS, 3)

    def pad(self, padded: bool) -> None:
        """As `UNet.pad`."""
        self.network.pad(padded)
        self.head.padding = (int(padded),) * 3

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.unet(x)
        return self.network.final_conv_pass(features), self.head(features)


def _of_one(member: Tensor, sigma_nm: float, voxel_size: VoxelSize) -> Tensor:
    """Descriptors round every voxel of an array that one object lies in, ``member`` being 1 where it does."""
    moments: dict[tuple[int, ...], Tensor] = {(): member}
    for axis, (voxel, reach) in enumerate(zip(voxel_size.zyx, window_voxels(sigma_nm, voxel_size), strict=True)):
        weights = _weights(member.shape[axis], voxel / sigma_nm, reach).to(member.device)
        moments = {
            (*powers, power): torch.tensordot(weights[power], values, dims=([1], [axis])).movedim(0, axis)
            for powers, values in moments.items()
            for power in range(3 - sum(powers))
        }
    size = moments[0, 0, 0]
    held = size.clamp(min=torch.finfo(torch.float32).tiny)
    one, two = ((1, 0, 0), (0, 1, 0), (0, 0, 1)), ((2, 0, 0), (0, 2, 0), (0, 0, 2))
    mean = [moments[powers] / held for powers in one]
    variance = [(moments[powers] / held - m.square()).clamp(min=_FLAT) for powers, m in zip(two, mean, strict=True)]
    pearson = []
    for a, b in combinations(range(3), 2):
        both = moments[tuple(int(axis in (a, b)) for axis in range(3))] / held - mean[a] * mean[b]
        pearson.append(both / (variance[a] * variance[b]).sqrt())
    centred = [0.5 + 0.5 * values for values in (*mean, *pearson)]
    return torch.stack([*centred[:3], *variance, *centred[3:], size]).clamp(0, 1)


def _weights(n: int, voxel: float, reach: int) -> Tensor:
    """``(3, n, n)``: what voxel j (second) counts for voxel i, times the power 0, 1, 2 of its distance in sigma."""
    steps = torch.arange(n)[None] - torch.arange(n)[:, None]
    distance = steps * voxel
    total = sum(math.exp(-0.5 * (step * voxel) ** 2) for step in range(-reach, reach + 1))
    weight = torch.exp(-0.5 * distance.square()) * (steps.abs() <= reach) / total
    return torch.stack([weight, weight * distance, weight * distance.square()])
