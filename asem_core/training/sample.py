"""Which block comes next: every sample depends on the run's seed and its own number only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache

import attrs
import numpy as np
import torch
from torch import Tensor

from asem_core.errors import RecipeError
from asem_core.geometry import Box, Triple, VoxelSize, triple
from asem_core.network import CONTEXT
from asem_core.processors import processors
from asem_core.progress import Progress, silent
from asem_core.training import augment as aug
from asem_core.training.descriptors import connected, shape_descriptors, window_voxels
from asem_core.training.imaging import reimage
from asem_core.training.occupancy import Occupancy, Places
from asem_core.training.recipe import Phase, Recipe, Sampling
from asem_core.training.volumes import LabelledVolume, OpenedVolume
from asem_core.volume.volume import LazyArray

_READING = 4
"""Threads at most that draw blocks which are read."""
_MAX_DRAWS = 1000
"""Blocks that are drawn anywhere, before it is only from where one may pass; and of those, before a run gives up."""


@attrs.frozen(kw_only=True, eq=False)
class Block:
    """One training sample."""

    raw: Tensor
    """``(1, side, side, side)`` float32, -1..1."""
    labels: Tensor
    """``(core, core, core)`` int64, 0 or 1."""
    mask: Tensor
    """``(core, core, core)`` float32: 1 where the loss counts; 0 outside the cell mask and past the volume."""
    descriptors: Tensor | None = None
    """``(10, core, core, core)`` float32, where the recipe wants them."""


class _Part:
    """Raw, labels or mask of a volume, sliced as tensors on ``device``: held there, or read."""

    def __init__(self, array: LazyArray, device: torch.device) -> None:
        self._device = device
        self._array = torch.from_numpy(array).to(device) if isinstance(array, np.ndarray) else array
        self.shape: Triple = triple(array.shape)

    def __getitem__(self, key: tuple[slice, slice, slice]) -> Tensor:
        part = self._array[key]
        if isinstance(part, Tensor):
            return part
        read, to_gpu = torch.from_numpy(part), self._device.type == "cuda"
        # Memory that cannot be moved is copied without waiting for it.
        return (read.pin_memory() if to_gpu else read).to(self._device, non_blocking=to_gpu)


class Sampler:
    """Draws augmented blocks from labelled volumes, held on ``device`` or read: the same blocks either way."""

    def __init__(
        self,
        volumes: Sequence[OpenedVolume],
        recipe: Recipe,
        device: torch.device,
        *,
        progress: Progress = silent,
    ) -> None:
        self._recipe = recipe
        self.device = device
        """Where blocks are drawn."""
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        shares = np.array([volume.share for volume in volumes])
        self._probability = torch.from_numpy(shares / shares.sum())
        self._raw = [_Part(volume.raw, device) for volume in volumes]
        self._labels = [_Part(volume.labels, device) for volume in volumes]
        self._inside = [None if volume.inside is None else _Part(volume.inside, device) for volume in volumes]
        self._thick = [volume.thick for volume in volumes]
        self._occupancy = [Occupancy.of(volume, progress=progress) for volume in volumes]
        self._places = cache(self._find_places)
        self.threads = 1 if all(isinstance(v, LabelledVolume) for v in volumes) else min(_READING, processors())
        """That should draw at once: more where blocks are read than where they are in memory."""

    def block(self, number: int, phase: Phase) -> Block:
        """Sample ``number`` of the run, for ``phase``."""
        generator = torch.Generator().manual_seed(_mix(self._recipe.seed, number))
        core = phase.side if phase.padded else phase.side - CONTEXT
        which, centre = self._place(core, phase.sampling or self._recipe.sampling, generator)
        augment = phase.augment or self._recipe.augment
        if self._thick[which]:
            augment = attrs.evolve(augment, permute="in_plane")
        warp = aug.draw_warp(phase.side, augment, generator)
        place = centre.to(self.device)
        core_at = aug.source_coordinates(warp, place, phase.side, core)
        raw_at = core_at if phase.padded else aug.source_coordinates(warp, place, phase.side, phase.side)
        raw = aug.sample(self._raw[which], raw_at)
        raw = reimage(raw, augment, generator, voxel_nm=max(self._recipe.voxel_size_nm))
        raw = aug.vary_intensity(raw, augment, generator)
        mask = aug.inside(core_at, self._labels[which].shape)
        cell = self._inside[which]
        labels = aug.sample(self._labels[which], core_at, nearest=True).round().long()
        return Block(
            raw=(2 * raw - 1)[None],
            labels=labels,
            mask=mask if cell is None else mask * aug.sample(cell, core_at, nearest=True).round(),
            descriptors=self._describe(self._labels[which], raw_at, core),
        )

    def _describe(self, labels: _Part, at: Tensor, core: int) -> Tensor | None:
        """Descriptors of the central ``core`` voxels of those ``at``; objects go on as far as the window reaches."""
        sigma_nm, voxel_size = self._recipe.shape_descriptors_nm, VoxelSize(self._recipe.voxel_size_nm)
        if sigma_nm is None:
            return None
        margin = (at.shape[0] - core) // 2
        spare = [max(0, margin - reach) for reach in window_voxels(sigma_nm, voxel_size)]
        z, y, x = (slice(s, at.shape[0] - s) for s in spare)
        objects = connected(aug.sample(labels, at[z, y, x], nearest=True).round().int())
        found = shape_descriptors(objects, sigma_nm=sigma_nm, voxel_size=voxel_size)
        z, y, x = (slice(margin - s, margin - s + core) for s in spare)
        return found[:, z, y, x]

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
        described = [b.descriptors for b in blocks if b.descriptors is not None]
        return Block(
            raw=torch.stack([b.raw for b in blocks]),
            labels=torch.stack([b.labels for b in blocks]),
            mask=torch.stack([b.mask for b in blocks]),
            descriptors=torch.stack(described) if described else None,
        )

    def _place(self, core: int, rules: Sampling, generator: torch.Generator) -> tuple[int, Tensor]:
        """A volume and the centre of a block in it that the sampling rules accept."""
        for which, start in self._starts(core, rules, generator):
            shape, occupancy = self._labels[which].shape, self._occupancy[which]
            box = Box(start, [s + core for s in start]).intersect(Box.of_shape(shape))
            if not occupancy.counts(box, rules.min_inside * core**3):
                continue
            scarce = occupancy.is_scarce(box, rules.min_foreground)
            if scarce and float(torch.rand((), generator=generator)) >= rules.keep_without:
                continue
            return which, torch.tensor([s + (core - 1) / 2 for s in start])
        raise RecipeError(
            f"no block of {core} voxels passes the sampling rules, as far as {_MAX_DRAWS} draws tell: {rules}; "
            "lower them, choose smaller blocks, or give volumes with more of the organelle"
        )

    def _starts(self, core: int, rules: Sampling, generator: torch.Generator) -> Iterator[tuple[int, Triple]]:
        """Volumes and starts of blocks, drawn: by share and evenly; then alike, but only such as may pass the rules.

        So a block is as probable as if it had been drawn for until one passed, however sparse those are.
        """
        for _ in range(_MAX_DRAWS):
            which = int(torch.multinomial(self._probability, 1, generator=generator))
            yield which, triple([_uniform(n, core, generator) for n in self._labels[which].shape])
        places = self._places(core, rules)
        starts = [math.prod(max(1, n - core + 1) for n in part.shape) for part in self._labels]
        possible = torch.tensor([len(each) / n for each, n in zip(places, starts, strict=True)])
        if not possible.any():
            return
        for _ in range(_MAX_DRAWS):
            which = int(torch.multinomial(self._probability * possible, 1, generator=generator))
            yield which, places[which][int(torch.randint(len(places[which]), (), generator=generator))]

    def _find_places(self, core: int, rules: Sampling) -> list[Places]:
        """Where in each volume blocks may pass ``rules``."""
        inside = rules.min_inside * core**3
        organelle = 0.0 if rules.keep_without else rules.min_foreground * inside
        return [each.places(core, inside=inside, organelle=organelle) for each in self._occupancy]


def _uniform(n: int, core: int, generator: torch.Generator) -> int:
    """A start such that the core lies inside, or is centred where the volume is thinner than the core."""
    if n <= core:
        return (n - core) // 2
    return int(torch.randint(0, n - core + 1, (), generator=generator))


def _mix(seed: int, number: int) -> int:
    """A seed for sample ``number`` of run ``seed``."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]) >> 1
