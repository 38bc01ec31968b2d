"""How good a network is on held-out volumes while it trains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import torch

from asem_core.evaluation.scores import Score, Scores
from asem_core.geometry import Box, VoxelSize, triple
from asem_core.grid.mirror import mirrored_index
from asem_core.labels.zone import make_zone
from asem_core.network import PACKAGE_CROP, POOLING, TILE_HALO
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec
from asem_core.training.curves import Validation
from asem_core.training.loss import LOSSES
from asem_core.training.recipe import Recipe
from asem_core.training.unet import UNet
from asem_core.training.volumes import LabelledVolume

_KEPT = 16 * POOLING
"""Most voxels per axis that a tile yields."""
_THRESHOLD = 0.5
"""As in the paper, for organelles that nobody describes."""


def predict(
    network: UNet, raw: npt.NDArray[np.float32], device: torch.device, *, mixed_precision: bool = False
) -> npt.NDArray[np.float32]:
    """Probability of the organelle for every voxel of ``raw`` ``(z, y, x)``, 0..1; mirrored at the faces.

    Tiles lie as the ONNX engine's do, and are run by torch; in bfloat16 where ``mixed_precision`` is set.
    """
    return _probability(predict_logits(network, raw, device, mixed_precision=mixed_precision))


@torch.no_grad()
def predict_logits(
    network: UNet, raw: npt.NDArray[np.float32], device: torch.device, *, mixed_precision: bool = False
) -> npt.NDArray[np.float32]:
    """As `predict`, the logit of the organelle less that of the background: 0 where the two are equally likely."""
    out = np.empty(raw.shape, np.float32)
    tiles = [math.ceil(n / _KEPT) for n in raw.shape]
    side = triple([POOLING * math.ceil(n / count / POOLING) for n, count in zip(raw.shape, tiles, strict=True)])
    margin = TILE_HALO - PACKAGE_CROP
    for kept in Box.of_shape(triple([s * count for s, count in zip(side, tiles, strict=True)])).tiles(side):
        read = kept.grow(margin)
        at = np.ix_(*(mirrored_index(a, b, n) for a, b, n in zip(read.start, read.stop, raw.shape, strict=True)))
        block = torch.from_numpy(raw[at]).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed_precision):
            both = network((2 * block - 1)[None, None])[0].float()
        logits = both[1] - both[0]
        spare = (logits.shape[0] - side[0]) // 2
        inner = kept.intersect(Box.of_shape(raw.shape))
        local = inner.shift([spare - s for s in kept.start])
        out[inner.slices] = logits[local.slices].cpu().numpy()
    return out


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """A network on one held-out volume."""

    volume: LabelledVolume
    predicted: npt.NDArray[np.bool_]
    """``(z, y, x)``, where it finds the organelle."""
    grid: VoxelSize
    scores: Scores
    loss: float

    @property
    def validation(self) -> Validation:
        """The numbers that a run records."""
        return Validation(
            loss=self.loss,
            f1_with_zone=self.scores.with_zone.f1,
            f1_without_zone=self.scores.without_zone.f1,
            precision=self.scores.with_zone.precision,
            recall=self.scores.with_zone.recall,
        )


class Validator:
    """Judges networks of ``recipe`` on held-out ``volumes``.

    Threshold and exclusion zone are those of ``organelle``; without one 0.5, and every voxel counts.
    """

    def __init__(
        self,
        volumes: Sequence[LabelledVolume],
        recipe: Recipe,
        device: torch.device,
        *,
        organelle: OrganelleSpec | None,
        registry: Registry,
    ) -> None:
        self._recipe = recipe
        self._device = device
        self._threshold = _THRESHOLD
        self._volumes = [(volume, np.zeros(volume.labels.shape, bool)) for volume in volumes]
        if organelle is not None:
            grid = VoxelSize(recipe.voxel_size_nm)
            zone = make_zone(organelle.exclusion_zone, registry)
            self._threshold = organelle.threshold
            self._volumes = [(volume, zone.excluded(volume.labels > 0, voxel_size=grid)) for volume in volumes]

    def __len__(self) -> int:
        return len(self._volumes)

    def __call__(self, network: UNet) -> Iterator[Judged]:
        """How good ``network`` is on each of the volumes."""
        network = network.to(self._device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        for volume, excluded in self._volumes:
            yield self._judge(network, volume, excluded)

    def _judge(self, network: UNet, volume: LabelledVolume, excluded: npt.NDArray[np.bool_]) -> Judged:
        logits = predict_logits(network, volume.raw, self._device, mixed_precision=self._recipe.mixed_precision)
        truth = volume.labels > 0
        inside = np.ones(truth.shape, bool) if volume.inside is None else volume.inside > 0
        predicted = _probability(logits) >= self._threshold
        with_zone, without_zone = (
            Score.of(predicted & counted, truth & counted) for counted in (inside & ~excluded, inside)
        )
        return Judged(
            volume=volume,
            predicted=predicted,
            grid=VoxelSize(self._recipe.voxel_size_nm),
            scores=Scores(with_zone=with_zone, without_zone=without_zone),
            loss=_loss(logits, truth, inside, name=self._recipe.loss),
        )


def _probability(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    probability: npt.NDArray[np.float32] = torch.from_numpy(logits).sigmoid().numpy()
    return probability


def _loss(
    logits: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_], *, name: str
) -> float:
    organelle = torch.from_numpy(logits)
    both = torch.stack([torch.zeros_like(organelle), organelle])[None]
    labels, mask = torch.from_numpy(truth)[None].long(), torch.from_numpy(inside)[None].float()
    return float(LOSSES[name](both, labels, mask))
