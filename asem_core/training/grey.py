"""``grey.json`` in the folder of a run: the grey values that were trained on, for the card of the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import attrs

from asem_core.errors import ModelError
from asem_core.specs import TrainedGrey
from asem_core.training.volumes import OpenedVolume
from asem_core.volume.grey import trained_grey

GREY_NAME = "grey.json"


def write_grey(run: Path, volumes: Sequence[OpenedVolume]) -> None:
    """Write what the levels of the training ``volumes`` are; nothing where no volume shows its contrast."""
    found = trained_grey([(volume.levels, volume.share) for volume in volumes if volume.levels is not None])
    if found is not None:
        (run / GREY_NAME).write_text(json.dumps(attrs.asdict(found), indent=2) + "\n")


def read_grey(run: Path) -> TrainedGrey | None:
    """What `write_grey` wrote into ``run``; None for runs without.

    Raises
    ------
    ModelError
        The file is damaged.
    """
    path = run / GREY_NAME
    if not path.exists():
        return None
    try:
        return TrainedGrey(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path} does not hold grey values of a training ({error}): remove it") from None
