"""What a run was like while it trained: the loss of every iteration, and every validation; read from its log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import attrs

VALIDATION = "validation/"
"""Before a volume's name, what a line of the log is about."""


@attrs.frozen(kw_only=True)
class Validation:
    """A network on one held-out volume."""

    loss: float
    """The recipe's loss over the whole volume, exclusion zone included."""
    f1_with_zone: float
    """Voxels of the organelle's exclusion zone are not counted, as in the paper's tables."""
    f1_without_zone: float
    """Every voxel is counted."""
    precision: float
    """As ``f1_with_zone``."""
    recall: float
    """As ``f1_with_zone``."""

    def __str__(self) -> str:
        return (
            f"F1 {self.f1_with_zone:.3f} with zone (precision {self.precision:.3f}, recall {self.recall:.3f}), "
            f"{self.f1_without_zone:.3f} without, loss {self.loss:.3f}"
        )


@attrs.frozen(kw_only=True)
class Validated:
    """The network after ``iteration`` iterations on all held-out volumes, by name."""

    iteration: int
    volumes: Mapping[str, Validation]

    @property
    def loss(self) -> float:
        """Mean over the volumes."""
        return sum(found.loss for found in self.volumes.values()) / len(self.volumes)

    @property
    def f1(self) -> float:
        """With zone, mean over the volumes."""
        return sum(found.f1_with_zone for found in self.volumes.values()) / len(self.volumes)


@attrs.frozen(kw_only=True)
class Curves:
    """What a run recorded, in the order of its iterations."""

    training: tuple[tuple[int, float], ...]
    """Iteration (counted from 1) and the loss of its blocks."""
    validated: tuple[Validated, ...] = ()


def read_curves(log: Path) -> Curves:
    """The curves in ``log``, a run's ``log.jsonl``; validations by older versions, which had no loss, are left out."""
    training: list[tuple[int, float]] = []
    validated: dict[int, dict[str, Validation]] = {}
    names = [field.name for field in attrs.fields(Validation)]
    for line in map(json.loads, log.read_text().splitlines()):
        kind, iteration = line["kind"], line["iteration"]
        if kind == "train":
            training.append((iteration, line["loss"]))
        elif set(names) <= set(line):
            found = Validation(**{name: line[name] for name in names})
            validated.setdefault(iteration, {})[kind.removeprefix(VALIDATION)] = found
    return Curves(
        training=tuple(training),
        validated=tuple(Validated(iteration=at, volumes=found) for at, found in sorted(validated.items())),
    )
