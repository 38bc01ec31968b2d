"""``moments.json`` in the folder of a run: what the network's convolutions give on the tissue of the training."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy.typing as npt

from asem_core.geometry import triple
from asem_core.grid.mirror import read_mirrored
from asem_core.models.moments import measure_moments
from asem_core.predict.adapt import BLOCKS, SIDE, places
from asem_core.training.export import export_onnx, load_rounded
from asem_core.training.run import WEIGHTS
from asem_core.training.volumes import OpenedVolume
from asem_core.volume.volume import LazyArray
from asem_core.zoo.moments import TrainedMoments, apportioned, write_moments


def write_trained_moments(run: Path, volumes: Sequence[OpenedVolume], *, base: int) -> None:
    """Measure the network of ``run`` on blocks of the training ``volumes``, in proportion to their shares.

    Measured as a package runs it, by ONNX Runtime and with weights of fp16; not augmented.
    """
    each = apportioned([volume.share for volume in volumes], BLOCKS)
    parts = [list(islice(_blocks(volume.raw), n)) for volume, n in zip(volumes, each, strict=True)]
    with tempfile.TemporaryDirectory() as scratch:
        onnx = Path(scratch) / "weights.onnx"
        export_onnx(load_rounded(run / WEIGHTS, base=base), onnx)
        layers = measure_moments(onnx, (block for part in parts for block in part))
    tissue = tuple(f"{v.name}: {len(part)} of {SIDE} voxels" for v, part in zip(volumes, parts, strict=True) if part)
    write_moments(TrainedMoments(tissue=tissue, layers=layers), run)


def _blocks(raw: LazyArray) -> Iterator[npt.NDArray[Any]]:
    for box in places(triple(raw.shape), BLOCKS):
        yield 2 * read_mirrored(lambda inner: raw[inner.slices], triple(raw.shape), box)[None, None] - 1
