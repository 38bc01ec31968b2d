"""Random variation of a block, computed on the training device.

Mirror, transpose, rotation about z and mirror and transpose again are one linear map; elastic deformation and section
shifts add a displacement; raw and labels are then sampled once. Source: Gallusser et al. 2022, Table S3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from asem_core.geometry import Box
from asem_core.grid.mirror import mirrored_index, mirrored_span
from asem_core.training.recipe import Augment


class Sliceable(Protocol):
    """What gives a `Tensor` for three slices: one itself, or what is read."""

    @property
    def shape(self) -> Sequence[int]: ...
    def __getitem__(self, key: Any) -> Any: ...


@attrs.frozen(kw_only=True, eq=False)
class Warp:
    """Where every voxel of a block comes from: ``linear @ (voxel - centre) + displacement``, in voxels."""

    linear: Tensor
    """``(3, 3)``."""
    elastic: Tensor
    """``(1, 3, k, k, k)``: shifts of the control points."""
    section_shift: Tensor
    """``(3, side)``: shift of each z section before the second transposition."""
    outer: Tensor
    """``(3, 3)``: the second mirror and transposition."""


def draw_warp(side: int, augment: Augment, generator: torch.Generator) -> Warp:
    """Draw the geometric variation of a block of ``side`` voxels. Numbers are drawn on the CPU, so devices agree."""
    inner, outer = (_signed_permutation(generator, augment.permute) for _ in range(2))
    angle = float(torch.rand((), generator=generator)) * math.pi / 2 if augment.rotate else 0.0
    c, s = math.cos(angle), math.sin(angle)
    rotation = torch.tensor([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    if augment.scale != (1.0, 1.0):
        low, high = (math.log(value) for value in augment.scale)
        rotation = rotation / math.exp(low + (high - low) * float(torch.rand((), generator=generator)))
    points = math.ceil(side / augment.elastic_spacing) + 1
    elastic = torch.randn((1, 3, points, points, points), generator=generator) * augment.elastic_sigma
    jump = torch.rand((side,), generator=generator) < augment.section_shift_probability
    reach = augment.section_shift_max
    step = torch.randint(-reach, reach + 1, (2, side), generator=generator).float() * jump
    shift = torch.zeros((3, side))
    # Every section after a jump keeps its shift; centred, so that the block stays where it was drawn.
    shift[1:] = step.cumsum(1) - step.cumsum(1)[:, side // 2, None]
    return Warp(linear=inner @ rotation, elastic=elastic, section_shift=shift, outer=outer)


def source_coordinates(warp: Warp, centre: Tensor, side: int, core: int) -> Tensor:
    """Coordinates in the volume of the central ``core`` voxels of a block of ``side`` voxels around ``centre``.

    Returns
    -------
    Tensor
        ``(core, core, core, 3)`` float32, voxels, z y x.
    """
    device = centre.device
    margin = (side - core) // 2
    axis = torch.arange(margin, margin + core, device=device, dtype=torch.float32)
    offset = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1) - (side - 1) / 2
    offset = offset @ warp.outer.T.to(device)
    section = (offset[..., 0] + (side - 1) / 2).round().long().clamp(0, side - 1)
    shift = warp.section_shift.to(device)
    offset = offset + shift.T[section]
    displacement = functional.interpolate(
        warp.elastic.to(device), size=(side, side, side), mode="trilinear", align_corners=True
    )[0, :, margin : margin + core, margin : margin + core, margin : margin + core]
    return offset @ warp.linear.T.to(device) + displacement.permute(1, 2, 3, 0) + centre


def sample(volume: Sliceable, coordinates: Tensor, *, nearest: bool = False) -> Tensor:
    """Values of ``volume`` ``(z, y, x)`` at ``coordinates`` ``(..., 3)``; the volume is mirrored about its faces.

    Only the part that the coordinates need is sliced, so its values do not depend on what else the volume holds.
    """
    flat = coordinates.reshape(-1, 3)
    low, high = (torch.stack([flat.amin(0).floor(), flat.amax(0).ceil() + 1]).int()).tolist()
    part = _mirrored(volume, Box(low, high))
    first, size = (torch.tensor(values, device=coordinates.device) for values in (low, part.shape))
    grid = (2 * (coordinates - first) + 1) / size - 1
    sampled = functional.grid_sample(
        part[None, None].float(),
        grid.flip(-1)[None],
        mode="nearest" if nearest else "bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return sampled[0, 0]


def _mirrored(volume: Sliceable, box: Box) -> Any:
    """As `asem_core.grid.mirror.read_mirrored`, of tensors, which cannot be sliced backwards."""
    axes = list(zip(box.start, box.stop, volume.shape, strict=True))
    spans = [mirrored_span(*axis) for axis in axes]
    part = volume[tuple(slice(*span) for span in spans)]
    return part[np.ix_(*(mirrored_index(*axis) - low for axis, (low, _) in zip(axes, spans, strict=True)))]


def inside(coordinates: Tensor, shape: tuple[int, ...]) -> Tensor:
    """1.0 where ``coordinates`` lie in a volume of ``shape``, else 0.0."""
    upper = torch.tensor(shape, device=coordinates.device) - 0.5
    return ((coordinates >= -0.5) & (coordinates < upper)).all(-1).float()


def vary_intensity(raw: Tensor, augment: Augment, generator: torch.Generator) -> Tensor:
    """Contrast about the mean, brightness and noise of one block, clipped to 0..1."""
    low, high = augment.contrast
    contrast = low + (high - low) * float(torch.rand((), generator=generator))
    low, high = augment.brightness
    brightness = low + (high - low) * float(torch.rand((), generator=generator))
    mean = raw.mean()
    varied = mean + (raw - mean) * contrast + brightness
    if augment.noise:
        sigma = augment.noise * float(torch.rand((), generator=generator))
        varied = varied + sigma * torch.randn(raw.shape, generator=generator).to(raw.device)
    return varied.clamp(0, 1)


def _signed_permutation(generator: torch.Generator, axes: Literal["all", "in_plane"]) -> Tensor:
    order = torch.randperm(3, generator=generator)
    if axes == "in_plane":
        order = torch.cat([order[order == 0], order[order != 0]])
    sign = torch.randint(0, 2, (3,), generator=generator).float() * 2 - 1
    return torch.eye(3)[order] * sign[:, None]
