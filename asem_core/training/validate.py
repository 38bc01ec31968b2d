"""Scoring a network on held-out volumes while it trains."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from asem_core.evaluation.scores import Score
from asem_core.geometry import Box
from asem_core.grid.mirror import mirrored_index
from asem_core.network import PACKAGE_CROP, POOLING, TILE_HALO
from asem_core.training.unet import UNet
from asem_core.training.volumes import LabelledVolume

_KEPT = 16 * POOLING
"""Voxels per axis that a tile yields."""


@torch.no_grad()
def predict(
    network: UNet, raw: npt.NDArray[np.float32], device: torch.device, *, mixed_precision: bool = False
) -> npt.NDArray[np.float32]:
    """Probability of the organelle for every voxel of ``raw`` ``(z, y, x)``, 0..1; mirrored at the faces.

    The same tiles as the ONNX engine's, run by torch; in bfloat16 where ``mixed_precision`` is set.
    """
    box = Box.of_shape(raw.shape)
    out = np.empty(raw.shape, np.float32)
    margin = TILE_HALO - PACKAGE_CROP
    for kept in box.align_out(_KEPT).tiles(_KEPT):
        read = kept.grow(margin)
        at = np.ix_(*(mirrored_index(a, b, n) for a, b, n in zip(read.start, read.stop, raw.shape, strict=True)))
        block = torch.from_numpy(raw[at]).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed_precision):
            logits = network((2 * block - 1)[None, None])
        probability = torch.softmax(logits.float(), dim=1)[0, 1]
        spare = (probability.shape[0] - _KEPT) // 2
        inner = kept.intersect(box)
        local = inner.shift([spare - s for s in kept.start])
        out[inner.slices] = probability[local.slices].cpu().numpy()
    return out


def score(
    network: UNet,
    volume: LabelledVolume,
    device: torch.device,
    *,
    threshold: float = 0.5,
    mixed_precision: bool = False,
) -> Score:
    """Voxel score of ``network`` on ``volume``, on the recipe's grid, without an exclusion zone."""
    predicted = predict(network, volume.raw, device, mixed_precision=mixed_precision) >= threshold
    truth = volume.labels > 0
    if volume.inside is not None:
        predicted, truth = predicted & (volume.inside > 0), truth & (volume.inside > 0)
    return Score(
        tp=int((predicted & truth).sum()), fp=int((predicted & ~truth).sum()), fn=int((~predicted & truth).sum())
    )
