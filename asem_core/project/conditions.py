"""Which analyses of a project the page compares: those of cells whose conditions differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from asem_core.project.read import Project
from asem_core.project.steps import Step
from asem_core.reporting import Comparison


def comparisons_of(project: Project, measured: Sequence[Step]) -> Iterator[Comparison]:
    """A comparison for each analysis of ``project``, where its cells are of two conditions or more.

    A cell of which a part was not measured is left out: the rest of it says something else than the whole.

    Parameters
    ----------
    measured
        Steps that are analyses, and have been made.
    """
    conditions = _volumes_of(project)
    for measure in project.analyses if len(conditions) > 1 else ():
        made = {step.volume: step.output for step in measured if step.output.name == measure.name}
        whole, left_out = {}, {}
        for condition, cells in conditions.items():
            missing = {cell: [v for v in volumes if v not in made] for cell, volumes in cells.items()}
            whole[condition] = {cell: [made[v] for v in cells[cell]] for cell, parts in missing.items() if not parts}
            left_out[condition] = {cell: parts for cell, parts in missing.items() if parts}
        if any(whole.values()):
            yield Comparison(conditions=whole, title=measure.name, left_out=left_out)


def _volumes_of(project: Project) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Per condition its cells, and the volumes of each."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, volume in project.volumes.items():
        if volume.condition is not None:
            found.setdefault(volume.condition, {}).setdefault(volume.cell or name, []).append(name)
    return found
