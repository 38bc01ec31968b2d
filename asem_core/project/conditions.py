"""Which analyses of a project the page compares: those of cells whose conditions differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from asem_core.project.read import Project
from asem_core.project.steps import Step
from asem_core.reporting import Comparison


def comparisons_of(project: Project, measured: Sequence[Step]) -> Iterator[Comparison]:
    """A comparison for each analysis of ``project`` that there is of two conditions or more.

    Parameters
    ----------
    measured
        Steps that are analyses, and have been made.
    """
    for measure in project.analyses:
        conditions: dict[str, dict[str, list[str | Path]]] = {}
        for step in measured:
            volume = project.volumes[step.volume]
            if step.output.name == measure.name and volume.condition is not None:
                cells = conditions.setdefault(volume.condition, {})
                cells.setdefault(volume.cell or step.volume, []).append(step.output)
        if len(conditions) > 1:
            yield Comparison(conditions=conditions, title=measure.name)
