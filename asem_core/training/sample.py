"""Which block comes next: every sample depends on the run's seed and its own number only."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from asem_core.errors import RecipeError
from asem_core.network import CONTEXT
from asem_core.training import augment as aug
from asem_core.training.imaging import reimage
from asem_core.training.recipe import Phase, Recipe, Sampling
from asem_core.training.volumes import LabelledVolume

_MAX_DRAWS = 1000
"""A recipe whose sampling rules reject this many blocks in a row has nothing to offer."""


@attrs.frozen(kw_only=True, eq=False)
class Block:
    """One training sample."""

    raw: Tensor
    """``(1, side, side, side)`` float32, -1..1."""
    labels: Tensor
    """``(core, core, core)`` int64, 0 or 1."""
    mask: Tensor
    """``(core, core, core)`` float32: 1 where the loss counts; 0 outside the cell mask and past the volume."""


class Sampler:
    """Draws augmented blocks from labelled volumes held on ``device``."""

    def __init__(self, volumes: Sequence[LabelledVolume], recipe: Recipe, device: torch.device) -> None:
        self._recipe = recipe
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        shares = np.array([volume.share for volume in volumes])
        self._probability = torch.from_numpy(shares / shares.sum())
        self._raw = [torch.from_numpy(volume.raw).to(device) for volume in volumes]
        self._labels = [torch.from_numpy(volume.labels).to(device) for volume in volumes]
        self._inside = [
            None if volume.inside is None else torch.from_numpy(volume.inside).to(device) for volume in volumes
        ]
        self._foreground = [
            _integral(volume.labels if volume.inside is None else volume.labels * volume.inside) for volume in volumes
        ]
        self._within = [None if volume.inside is None else _integral(volume.inside) for volume in volumes]

    def block(self, number: int, phase: Phase) -> Block:
        """Sample ``number`` of the run, for ``phase``."""
        generator = torch.Generator().manual_seed(_mix(self._recipe.seed, number))
        core = phase.side if phase.padded else phase.side - CONTEXT
        which, centre = self._place(core, phase.sampling or self._recipe.sampling, generator)
        augment = phase.augment or self._recipe.augment
        warp = aug.draw_warp(phase.side, augment, generator)
        place = centre.to(self._device)
        core_at = aug.source_coordinates(warp, place, phase.side, core)
        raw_at = core_at if phase.padded else aug.source_coordinates(warp, place, phase.side, phase.side)
        raw = aug.sample(self._raw[which], raw_at)
        raw = reimage(raw, augment, generator, voxel_nm=max(self._recipe.voxel_size_nm))
        raw = aug.vary_intensity(raw, augment, generator)
        mask = aug.inside(core_at, tuple(self._labels[which].shape))
        cell = self._inside[which]
        return Block(
            raw=(2 * raw - 1)[None],
            labels=aug.sample(self._labels[which], core_at, nearest=True).round().long(),
            mask=mask if cell is None else mask * aug.sample(cell, core_at, nearest=True).round(),
        )

    def batch(self, iteration: int, phase: Phase) -> Block:
        """The samples of one iteration, stacked along a new first axis.

        On a GPU they are computed on a stream of their own, beside the training step before, and complete on return.
        """
        if self._stream is None:
            return self._stack(iteration, phase)
        with torch.cuda.stream(self._stream):
            batch = self._stack(iteration, phase)
            self._stream.synchronize()
        return batch

    def _stack(self, iteration: int, phase: Phase) -> Block:
        size = self._recipe.batch
        blocks = [self.block(iteration * size + i, phase) for i in range(size)]
        return Block(
            raw=torch.stack([b.raw for b in blocks]),
            labels=torch.stack([b.labels for b in blocks]),
            mask=torch.stack([b.mask for b in blocks]),
        )

    def _place(self, core: int, rules: Sampling, generator: torch.Generator) -> tuple[int, Tensor]:
        """A volume and the centre of a block in it that the sampling rules accept."""
        for _ in range(_MAX_DRAWS):
            which = int(torch.multinomial(self._probability, 1, generator=generator))
            shape = self._labels[which].shape
            start = [_uniform(n, core, generator) for n in shape]
            foreground, within = _count(self._foreground[which], start, core)
            cell = self._within[which]
            if cell is not None:
                within, _ = _count(cell, start, core)
            if within < rules.min_inside * core**3:
                continue
            scarce = foreground < rules.min_foreground * within
            if scarce and float(torch.rand((), generator=generator)) >= rules.keep_without:
                continue
            return which, torch.tensor([s + (core - 1) / 2 for s in start])
        raise RecipeError(
            f"no block of {core} voxels passed the sampling rules in {_MAX_DRAWS} draws: {rules}; "
            "lower them, choose smaller blocks, or give volumes with more of the organelle"
        )


def _uniform(n: int, core: int, generator: torch.Generator) -> int:
    """A start such that the core lies inside, or is centred where the volume is thinner than the core."""
    if n <= core:
        return (n - core) // 2
    return int(torch.randint(0, n - core + 1, (), generator=generator))


def _integral(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    padded = np.pad(labels.astype(np.int64), ((1, 0), (1, 0), (1, 0)))
    return padded.cumsum(0).cumsum(1).cumsum(2)


def _count(integral: npt.NDArray[np.int64], start: Sequence[int], core: int) -> tuple[int, int]:
    """Foreground voxels, and voxels in all, of the part of a block that lies in the volume."""
    ends = [(max(s, 0), min(s + core, n - 1)) for s, n in zip(start, integral.shape, strict=True)]
    (z0, z1), (y0, y1), (x0, x1) = ends
    total = 0
    for z, sz in ((z0, -1), (z1, 1)):
        for y, sy in ((y0, -1), (y1, 1)):
            for x, sx in ((x0, -1), (x1, 1)):
                total += sz * sy * sx * int(integral[z, y, x])
    return total, (z1 - z0) * (y1 - y0) * (x1 - x0)


def _mix(seed: int, number: int) -> int:
    """A seed for sample ``number`` of run ``seed``."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]) >> 1
