"""Where volumes are non-zero, box by box in any order; sections are decoded once, into a temporary copy in chunks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import OutputError
from asem_core.geometry import Box, triple
from asem_core.grid.place import Placed
from asem_core.progress import Progress, silent
from asem_core.volume.staging import readable_by_blocks, staged_bytes
from asem_core.volume.window import window


def nonzero(placed: Placed, box: Box) -> npt.NDArray[np.bool_]:
    """``volume != 0`` in ``box`` of the reference frame ``(z, y, x)``; False outside the volume."""
    there = box.intersect(placed.box)
    result = np.zeros(box.shape, np.bool_)
    if there.size:
        result[there.shift([-s for s in box.start]).slices] = placed.volume.read(placed.local(there)) != 0
    return result


@contextmanager
def readable(volumes: Sequence[Placed], region: Box, *, progress: Progress = silent) -> Iterator[list[Placed]]:
    """``volumes`` as far as they lie in ``region`` (reference frame), to be read by boxes, from several threads.

    Raises
    ------
    OutputError
        The temporary folder has no room for the copies of plane-wise ones.
    """
    parts = [_within(placed, region) for placed in volumes]
    with tempfile.TemporaryDirectory(prefix="asem-evaluate-") as folder, ExitStack() as stack:
        try:
            yield [
                attrs.evolve(part, volume=stack.enter_context(
                    readable_by_blocks(part.volume, Path(folder) / str(number), progress=progress)))
                for number, part in enumerate(parts)
            ]  # fmt: skip
        except OSError as exc:
            needed = sum(staged_bytes(part.volume) for part in parts)
            raise OutputError(
                f"{folder}: temporary files cannot be written: {exc.strerror or exc}; let TMPDIR be a folder with "
                f"{needed / 1e9:.3g} GB"
            ) from exc


def _within(placed: Placed, region: Box) -> Placed:
    part = placed.local(region).intersect(placed.volume.box)
    start = triple([a + b for a, b in zip(placed.start, part.start, strict=True)])
    return attrs.evolve(placed, volume=window(placed.volume, part), start=start) if part.size else placed
