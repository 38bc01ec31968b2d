"""Reading ``models.yaml``: entries become `CheckpointSpec`s."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from asem_core.specs import CheckpointSpec, PublishedScore, StageRef

MODELS = Path(__file__).with_name("models.yaml")


def read_models(file: Path = MODELS) -> list[CheckpointSpec]:
    """The published checkpoints that ``file`` describes, in its order.

    Examples
    --------
    >>> read_models()[1].name
    'asem-project/1841'
    """
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [_checkpoint(entry, found) for entry in found["models"]]


def _checkpoint(entry: Mapping[str, Any], shared: Mapping[str, Any]) -> CheckpointSpec:
    z, y, x = entry["voxel_size_nm"]
    return CheckpointSpec(
        name=f"{shared['source']}/{entry['id']}",
        uri=shared["uri"].format(file=entry["file"]),
        organelle=entry["organelle"],
        title=entry["title"],
        voxel_size_nm=(float(z), float(y), float(x)),
        fixation=entry["fixation"],
        base=shared["base"],
        cells=tuple(entry["cells"]),
        normalise=tuple(StageRef(**stage) for stage in shared["normalise"]),
        sha256=entry.get("sha256"),
        scores=tuple(PublishedScore(**score) for score in entry["scores"]),
        scores_note=entry["scores_note"],
        claims=tuple(entry.get("claims", ())),
        known_failures=tuple(entry.get("known_failures", ())),
        licence=shared["licence"],
        citation=shared["citation"],
        doi=shared["doi"],
    )
