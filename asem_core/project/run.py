"""Run a project: every step that has not been made yet, whatever happens to the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from asem_core.cluster import executing
from asem_core.errors import AsemError, ResumeError
from asem_core.home import local_path
from asem_core.models.find import find_model
from asem_core.progress import Progress, silent
from asem_core.project.conditions import comparisons_of
from asem_core.project.read import Project, read_project
from asem_core.project.records import Records, digest_of, stamp
from asem_core.project.results import STOPPING, Result
from asem_core.project.room import bytes_needed
from asem_core.project.site import Site
from asem_core.project.steps import Step, opening, steps_of
from asem_core.project.summary import write_summary
from asem_core.project.verbs import Facts
from asem_core.registry import Registry, make_registry
from asem_core.reporting.write import remove_report, report
from asem_core.volume.address import beside
from asem_core.volume.output import check_folder, check_room, held

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster import Dask

log = logging.getLogger(__name__)

REPORT = "report.html"
Stamps = Mapping[Path, tuple[int, int] | None]
"""Of outputs, as they were before the first step."""


@attrs.frozen(kw_only=True)
class Ran:
    """What `run_project` did."""

    folder: Path
    results: Sequence[Result]
    summary: Path
    """CSV: a row per volume and organelle, see `asem_core.project.summary`."""
    report: Path | None
    """The page of all analyses; None: there is none."""

    @property
    def failed(self) -> tuple[Result, ...]:
        """Steps that failed or were left out."""
        return tuple(result for result in self.results if result.state in STOPPING)

    def __str__(self) -> str:
        states = [result.state for result in self.results]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        pages = "" if self.report is None else f", {self.report.name}"
        return f"{self.folder}: {len(states)} steps ({counts}); {self.summary.name}{pages}"

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "folder": str(self.folder),
            "steps": [result.to_json() for result in self.results],
            "summary": str(self.summary),
            "report": None if self.report is None else str(self.report),
        }


def run_project(
    project: Project | str | Path,
    *,
    base: str | Path = Path(),
    registry: Registry | None = None,
    executor: Dask | Client | None = None,
    planned: Callable[[int], None] = lambda needed: None,
    told: Callable[[Result], None] = lambda result: None,
    progress: Progress = silent,
) -> Ran:
    """Do what a project asks for. What has been made, of the same and in the same way, is not made again.

    Parameters
    ----------
    project
        Or its file (docs/projects.md).
    base
        Where relative addresses start, if ``project`` is no file.
    registry
        By default everything installed.
    executor
        Where blocks are computed, see `asem_core.cluster.connect`; by default here.
    planned
        Called before the first step with the bytes that all outputs which are not there yet will take at most.
    told
        Called with every step that has ended.

    Raises
    ------
    ProjectError
        The file is not as it must be.
    AsemError
        An organelle, its model or an analysis is not there, or lacks what the project does not give: before anything
        is made.
    OutputError
        Another process runs the project; the disk has too little room for all that is not there yet.

    Notes
    -----
    Outputs are replaced where the project asks for something else than they were made of: what lies in its folder is
    its own. A step that fails stops those that need it and no others.

    Examples
    --------
    >>> print(run_project("project.yaml"))  # doctest: +SKIP
    """
    registry = registry or make_registry()
    if not isinstance(project, Project):
        base = local_path(project).parent
        project = read_project(project)
    base = local_path(base).resolve()  # from wherever it is run, a volume has one address
    folder = check_folder(Path(beside(base, project.output)))
    sites = [
        Site(name=name, cell=cell, base=base, folder=folder / name, project=project, registry=registry)
        for name, cell in project.volumes.items()
    ]
    plans = [list(steps_of(site)) for site in sites]
    for name in project.organelles:
        with find_model(sites[0].model(name), organelle=sites[0].organelle(name), registry=registry):
            log.debug("%s: its model is there", name)
    needed = sum(map(bytes_needed, sites))
    check_room(folder, needed, remedy="make room, or take parts of the volumes (roi)")
    planned(needed)
    with held(folder), executing(executor):
        folder.mkdir(parents=True, exist_ok=True)
        records = Records(folder)
        # Now, for a step may make the outputs of later ones too.
        stamps = {step.output: stamp(step.output) for steps in plans for step in steps}
        results: list[Result] = []

        def note(result: Result) -> None:
            told(result)
            results.append(result)

        for step in (opening(site) for site in sites):
            opened = _run(step, results, records, stamps, progress)
            if opened.state in STOPPING:
                note(opened)
        for step in (step for steps in plans for step in steps):
            note(_run(step, results, records, stamps, progress))
        summary = write_summary(results, folder)
        page = _write_report(project, results, folder, registry=registry, progress=progress)
    return Ran(folder=folder, results=results, summary=summary, report=page)


def _run(step: Step, results: Sequence[Result], records: Records, stamps: Stamps, progress: Progress) -> Result:
    """Make ``step``, unless it has been made, or cannot be."""
    stopped = [r.step.name for r in results if r.step.volume == step.volume and r.state in STOPPING]
    missing = [name for name in step.after if name in stopped]
    if missing:
        return Result(step=step, state="left out", error=f"it needs {missing[0]}")
    began = time.monotonic()

    def said(sweep: str, done: int, total: int) -> None:
        progress(f"{step.volume}, {step.name}: {sweep}", done, total)

    try:
        made, facts = _make(step, records, stamps, said)
    except AsemError as error:
        return Result(step=step, state="failed", error=str(error))
    except Exception as error:  # of a plugin: the other volumes have nothing to do with it
        log.exception("%s, %s", step.volume, step.name)
        return Result(step=step, state="failed", error=f"{type(error).__name__}: {error}")
    return Result(step=step, state="done" if made else "unchanged", seconds=time.monotonic() - began, facts=facts)


def _make(step: Step, records: Records, stamps: Stamps, progress: Progress) -> tuple[bool, Facts]:
    """Whether something was made, and what was found."""
    if step.request is None:
        try:
            facts = step.make(overwrite=False, progress=progress)
        except ResumeError:
            facts = step.make(overwrite=True, progress=progress)
        return stamp(step.output) != stamps.get(step.output), facts
    digest = digest_of(step)
    known = records.facts(step, digest)
    if known is not None:
        return False, known
    facts = step.make(overwrite=True, progress=progress)
    records.keep(step, digest, facts)
    return True, facts


def _write_report(
    project: Project, results: Sequence[Result], folder: Path, *, registry: Registry, progress: Progress
) -> Path | None:
    """One page of all analyses that there are; made every time, so that it shows what the project has now: without any,
    there is none."""
    measured = [r.step for r in results if r.step.is_analysis and r.state not in STOPPING]
    if not measured:
        remove_report(folder / REPORT)
        return None
    return report(
        [step.output for step in measured],
        folder / REPORT,
        comparisons=list(comparisons_of(project, measured)),
        registry=registry,
        overwrite=True,
        progress=progress,
    )
