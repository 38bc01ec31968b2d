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
from asem_core.labels.zone import Zone, make_zone
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
_NEAR = POOLING
"""Context of a tile whose convolutions are padded: of a trained network, F1 then was 0.591, with all context 0.590."""
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
    network: UNet,
    raw: npt.NDArray[np.float32],
    device: torch.device,
    *,
    mixed_precision: bool = False,
    context: int = 0,
    padded: bool = False,
) -> npt.NDArray[np.float32]:
    """As `predict`, the logit of the organelle less that of the background: 0 where the two are equally likely.

    Of ``context`` voxels at each face of ``raw`` nothing is predicted. ``padded`` convolutions see a little of it only,
    in two fifths of the time.
    """
    out = np.empty([n - 2 * context for n in raw.shape], np.float32)
    tiles = [math.ceil(n / _KEPT) for n in out.shape]
    side = triple([POOLING * math.ceil(n / count / POOLING) for n, count in zip(out.shape, tiles, strict=True)])
    margin = _NEAR if padded else TILE_HALO - PACKAGE_CROP
    network.pad(padded)
    for kept in Box.of_shape(triple([s * count for s, count in zip(side, tiles, strict=True)])).tiles(side):
        read = kept.grow(margin).shift([context] * 3)
        at = np.ix_(*(mirrored_index(a, b, n) for a, b, n in zip(read.start, read.stop, raw.shape, strict=True)))
        block = torch.from_numpy(raw[at]).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed_precision):
            both = network((2 * block - 1)[None, None])[0].float()
        logits = both[1] - both[0]
        spare = (logits.shape[0] - side[0]) // 2
        inner = kept.intersect(Box.of_shape(out.shape))
        local = inner.shift([spare - s for s in kept.start])
        out[inner.slices] = logits[local.slices].cpu().numpy()
    network.pad(False)
    return out


@attrs.frozen(kw_only=True, eq=False)
class JudgedBox:
    """What a network finds in one held-out box."""

    box: LabelledVolume
    predicted: npt.NDArray[np.bool_]
    """``(z, y, x)``, where it finds the organelle."""


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """A network on all held-out boxes of one name, which count together: a small one may hold nothing."""

    name: str
    boxes: tuple[JudgedBox, ...]
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

    Threshold and exclusion zone are those of ``organelle``; without one 0.5, and every voxel counts. ``padded`` as in
    `predict_logits`.
    """

    def __init__(
        self,
        volumes: Sequence[LabelledVolume],
        recipe: Recipe,
        device: torch.device,
        *,
        organelle: OrganelleSpec | None,
        registry: Registry,
        padded: bool = False,
    ) -> None:
        self._recipe = recipe
        self._device = device
        self._padded = padded
        self._threshold = _THRESHOLD if organelle is None else organelle.threshold
        zone = None if organelle is None else make_zone(organelle.exclusion_zone, registry)
        self._volumes: dict[str, list[_Box]] = {}
        for volume in volumes:
            truth, grid = volume.labels > 0, VoxelSize(recipe.voxel_size_nm)
            inside = np.ones(truth.shape, bool) if volume.inside is None else volume.inside > 0
            excluded = np.zeros(truth.shape, bool) if zone is None else _excluded(zone, truth, inside, grid)
            self._volumes.setdefault(volume.name, []).append(_Box(volume, truth, inside, excluded))

    def __len__(self) -> int:
        return len(self._volumes)

    def __call__(self, network: UNet) -> Iterator[Judged]:
        """How good ``network`` is on the volumes of each name."""
        network = network.to(self._device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        for name, boxes in self._volumes.items():
            yield self._judge(network, name, boxes)

    def _judge(self, network: UNet, name: str, boxes: Sequence[_Box]) -> Judged:
        logits = [
            predict_logits(
                network,
                box.volume.raw,
                self._device,
                mixed_precision=self._recipe.mixed_precision,
                context=box.volume.context,
                padded=self._padded,
            )
            for box in boxes
        ]
        predicted = [_probability(values) >= self._threshold for values in logits]
        scores = Scores()
        for box, found in zip(boxes, predicted, strict=True):
            with_zone, without_zone = (
                Score.of(found & counted, box.truth & counted) for counted in (box.inside & ~box.excluded, box.inside)
            )
            scores += Scores(with_zone=with_zone, without_zone=without_zone)
        truth, inside = (np.concatenate([getattr(box, part).ravel() for box in boxes]) for part in ("truth", "inside"))
        loss = _loss(np.concatenate([values.ravel() for values in logits]), truth, inside, name=self._recipe.loss)
        return Judged(
            name=name,
            boxes=tuple(JudgedBox(box=b.volume, predicted=p) for b, p in zip(boxes, predicted, strict=True)),
            scores=scores,
            loss=loss,
        )


@attrs.frozen(eq=False)
class _Box:
    volume: LabelledVolume
    truth: npt.NDArray[np.bool_]
    inside: npt.NDArray[np.bool_]
    excluded: npt.NDArray[np.bool_]


def _excluded(
    zone: Zone, truth: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_], grid: VoxelSize
) -> npt.NDArray[np.bool_]:
    """The zone of ``truth``, where it is one whatever the voxels that nobody labelled are.

    Where a stroke ends nothing else does: taken for an outline, it would leave no voxel of a thin stroke to score.
    """
    excluded = zone.excluded(truth, voxel_size=grid)
    if not inside.all():
        excluded = excluded & zone.excluded(truth | ~inside, voxel_size=grid)
    return excluded


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
