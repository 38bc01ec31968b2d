"""Tiles through a network, or through several that read alike: each tile is then read once, for all.

::

    read -+-> network -> output
          +-> network -> output
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import Pipeline, Task, Threads
from asem_core.blocks.fill import Run, sweep_together
from asem_core.geometry import Box, triple
from asem_core.grid.resample import resample, source_box
from asem_core.models.model import Image
from asem_core.models.runtimes.session import Session
from asem_core.predict.choose import hands
from asem_core.predict.plan import Plan
from asem_core.predict.quantise import Predicted, ProbDtype, finish
from asem_core.predict.source import ModelGridRaw, prepare
from asem_core.predict.target import Target

PREDICT = "predict"


@attrs.frozen(kw_only=True, eq=False)
class Part:
    """A plan under way."""

    plan: Plan
    run: Run
    session: Session
    target: Target

    @property
    def is_done(self) -> bool:
        """Whether all its tiles are."""
        return self.run.is_done(PREDICT, self.plan.tiles)


def predict(parts: Sequence[Part]) -> None:
    """Predict the tiles that are not done, for ``parts`` whose plans read alike; copies lie with the first."""
    waiting = [part for part in parts if not part.is_done]
    if not waiting:
        return
    plan, run = parts[0].plan, parts[0].run
    source = prepare(plan.volume, plan.grids, plan.reads, model=plan.model, run=run, at_once=plan.at_once)
    _sweep(waiting, source)
    for part in waiting:
        if not part.is_done:  # another one had some of its tiles
            _sweep([part], source)


def _sweep(parts: Sequence[Part], source: ModelGridRaw) -> None:
    plan = parts[0].plan
    sweep_together(
        [part.run for part in parts],
        PREDICT,
        plan.tiles,
        _task(parts, source),
        executor=Pipeline() if plan.at_once == 1 else Threads(hands(plan.at_once)),
        scratch=not plan.direct,
    )


def _task(parts: Sequence[Part], source: ModelGridRaw) -> Task[Box, Sequence[dict[str, str]]]:
    plan = parts[0].plan
    probability = plan.prob_dtype == "uint8"
    tiles = [
        part.plan.model.predictor(part.session, lattice=plan.lattice, stats=source.stats, probability=probability)
        for part in parts
    ]
    writers = [_writer(part.plan, part.target) for part in parts]

    def load(kept: Box) -> list[npt.NDArray[Any]] | None:
        mask = _read_mask(plan, kept)
        if mask is not None and not mask.any():
            return None
        box = plan.lattice.read(kept)
        raw = source.read(box)
        return [tile.prepare(raw, box) for tile in tiles]

    def compute(_: Box, blocks: list[npt.NDArray[Any]] | None) -> list[Image] | None:
        return None if blocks is None else [tile.run(block) for tile, block in zip(tiles, blocks, strict=True)]

    def write(kept: Box, images: list[Image] | None) -> list[dict[str, str]]:
        found: Sequence[Image | None] = images or [None] * len(writers)
        return [writer(kept, image) for writer, image in zip(writers, found, strict=True)]

    return Task(read=load, compute=compute, write=write, gpu=True)


def _writer(plan: Plan, target: Target) -> Callable[[Box, Image | None], dict[str, str]]:
    """What writes the result of a tile; None: there is nothing in it."""
    grids, spare = plan.grids, (-plan.model.spare,) * 3
    two_stages = grids.route == "two stages"
    dtype: ProbDtype = "float32" if two_stages else plan.prob_dtype
    coarse = triple([1.0 / f for f in grids.fine])

    def write(kept: Box, image: Image | None) -> dict[str, str]:
        box = grids.output_box(kept)
        if image is None:
            result = Predicted(probability=np.zeros(box.shape, dtype), label=np.zeros(box.shape, np.uint8))
        else:
            # The mask is read again: tiles that wait need not hold it.
            mask = None if two_stages else _read_mask(plan, kept)
            result = finish(
                box.shape,
                lambda part: resample(image, spare, part, coarse),
                threshold=plan.organelle.threshold,
                dtype=dtype,
                mask=mask,
            )
        return target.write(box, result)

    return write


def _read_mask(plan: Plan, kept: Box) -> npt.NDArray[Any] | None:
    """The cell mask (0 outside the volume) of a tile: its output box, or all voxels that it is resampled to."""
    if plan.mask is None:
        return None
    if plan.grids.route == "two stages":
        box = source_box(kept.grow(1), plan.grids.ratio)
    else:
        box = plan.grids.output_box(kept)
    inside = box.intersect(plan.mask.box)
    mask = np.zeros(box.shape, bool)
    if inside.size:
        mask[inside.shift([-s for s in box.start]).slices] = plan.mask.read(inside) != 0
    return mask
