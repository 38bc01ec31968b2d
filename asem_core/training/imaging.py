"""A block as another microscope would have shown it, computed on the training device.

Thicker sections, some of them lost; a wider beam; another response of the detector; curtains of a milled face. Labels
stay as they are: a network should find what was there. Which of it, and how much, the recipe says
(`asem_core.training.recipe.Augment`); by default nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from asem_core.training.recipe import Augment

_CURTAIN_SECTIONS = 8
"""Voxels along z over which a curtain becomes another."""


def reimage(raw: Tensor, augment: Augment, generator: torch.Generator, *, voxel_nm: float) -> Tensor:
    """``raw`` ``(z, y, x)``, 0..1, varied as ``augment`` allows. Numbers are drawn on the CPU, so devices agree.

    Parameters
    ----------
    voxel_nm
        Side of a voxel.
    """
    thick = augment.thick_probability > 0 and _uniform(0, 1, generator) < augment.thick_probability
    if thick or augment.missing_probability:
        axis = 0 if augment.permute == "in_plane" else int(torch.randint(3, (), generator=generator))
        voxels = max(1.0, _log_uniform(augment.thick_nm, generator) / voxel_nm) if thick else 1.0
        raw = cut_sections(raw, axis, voxels, lost=augment.missing_probability, generator=generator)
    if augment.blur:
        raw = blurred(raw, _uniform(0, augment.blur, generator))
    if augment.gamma != (1.0, 1.0):
        raw = raw.clamp(0, 1) ** _log_uniform(augment.gamma, generator)
    if augment.curtains:
        raw = raw + _uniform(0, augment.curtains, generator) * curtains(raw.shape, generator).to(raw.device)
    return raw.clamp(0, 1)


def cut_sections(
    raw: Tensor, axis: int, voxels: float, *, lost: float = 0.0, generator: torch.Generator | None = None
) -> Tensor:
    """``raw`` ``(z, y, x)`` averaged over sections of ``voxels`` along ``axis``, and interpolated between them.

    Parameters
    ----------
    lost
        Probability of a section to be lost: in one half of all blocks it is black, in the other the one before it
        stands in its place.
    """
    stack = raw.movedim(axis, 0)
    count = max(1, round(stack.shape[0] / voxels))
    sections = functional.interpolate(stack[None, None], size=(count, *stack.shape[1:]), mode="area")[0, 0]
    if lost:
        gone = (torch.rand((count,), generator=generator) < lost).to(raw.device)
        if _uniform(0, 1, generator) < 0.5:
            sections = torch.where(gone[:, None, None], 0.0, sections)
        else:
            before = (torch.arange(count, device=raw.device) - gone.long()).clamp(min=0)
            sections = sections[before]
    whole = functional.interpolate(sections[None, None], size=tuple(stack.shape), mode="trilinear")[0, 0]
    return whole.movedim(0, axis)


def blurred(raw: Tensor, sigma: float) -> Tensor:
    """``raw`` ``(z, y, x)`` under a Gaussian of ``sigma`` voxels, mirrored at the faces."""
    reach = min(math.ceil(3 * sigma), min(raw.shape) - 1)
    if not reach:
        return raw
    at = torch.arange(-reach, reach + 1, device=raw.device, dtype=raw.dtype)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = kernel / kernel.sum()
    smooth = functional.pad(raw[None, None], [reach] * 6, mode="reflect")
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = -1
        smooth = functional.conv3d(smooth, kernel.reshape(shape))
    return smooth[0, 0]


def curtains(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Stripes along y of a volume of ``shape``, one deviation strong, which change slowly along z."""
    z, y, x = shape
    stripes = torch.randn((1, 1, max(1, z // _CURTAIN_SECTIONS), 1, x), generator=generator)
    return functional.interpolate(stripes, size=(z, 1, x), mode="trilinear")[0, 0].expand(z, y, x)


def _uniform(low: float, high: float, generator: torch.Generator | None) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def _log_uniform(span: tuple[float, float], generator: torch.Generator) -> float:
    low, high = (math.log(value) for value in span)
    return math.exp(_uniform(low, high, generator))
