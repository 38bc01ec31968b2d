"""From output folders of analyses to one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from asem_core.errors import AsemError
from asem_core.home import local_path
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry, resolve
from asem_core.reporting.folder import Analysed, read_analysis
from asem_core.reporting.methods import paragraph, parameters
from asem_core.reporting.needs import need_packages
from asem_core.reporting.page import Section, is_report, render
from asem_core.reporting.parts import Report
from asem_core.reporting.plain import report_plainly
from asem_core.reporting.provenance import provenance_rows
from asem_core.specs import AnalysisSpec
from asem_core.volume.contents import add_to_contents
from asem_core.volume.output import Input, Replaceable, check_destination, complete_or_absent

_REPORT = Replaceable(name="a report", recognise=is_report)


def report(
    analyses: Sequence[str | Path] | str | Path,
    output: str | Path,
    *,
    registry: Registry | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Path:
    """Write a page about analyses: numbers, figures, every object, methods, provenance. Nothing is measured again.

    Parameters
    ----------
    analyses
        Output folders of `asem_core.analyze`, in the order of the page; or one of them.
    output
        The HTML file; all that it shows is in it.
    registry
        By default everything installed.
    overwrite
        Whether a report that is already there is replaced.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    AsemError
        A folder is no output of an analysis, or another version wrote it; a package that draws is missing.
    PluginError
        The analysis is not installed.
    OutputError
        See `complete_or_absent`. A page may lie in the folder of an analysis, beside its files.

    Examples
    --------
    >>> report(["pores/", "pits/"], "cell.html")  # doctest: +SKIP
    """
    registry = registry or make_registry()
    folders = [analyses] if isinstance(analyses, str | Path) else analyses
    found = [read_analysis(local_path(folder)) for folder in folders]
    inputs = [read for one in found for read in _read_from(one)]
    page_path = check_destination(local_path(output), overwrite=overwrite, kind=_REPORT, inputs=inputs)
    sections = []
    for done, (one, of) in enumerate(zip(found, _told_apart([one.folder for one in found]), strict=True)):
        progress("report", done, len(found))
        sections.append(_section(one, registry.analyses[one.name], number=done + 1, of=of))
    page = render(sections).encode()
    with complete_or_absent(
        page_path, needed_bytes=len(page), overwrite=overwrite, kind=_REPORT, inputs=inputs
    ) as partial:
        partial.write_bytes(page)
    add_to_contents(page_path)
    progress("report", len(found), len(found))
    return page_path


def _read_from(found: Analysed) -> list[Input]:
    """The files of an analysis, and the volumes that it was made from."""
    sources = [found.about.get("source", {}), *found.about.get("inputs", {}).values()]
    return [
        *(path for path in found.folder.iterdir() if not is_report(path)),
        *(str(source["uri"]) for source in sources if "uri" in source),
    ]


def _told_apart(folders: Sequence[Path]) -> list[str]:
    """What names each of several ``folders``: what is left without the folder that all lie in."""
    if len(set(folders)) < 2:
        return [""] * len(folders)
    places = [folder.resolve() for folder in folders]
    within = Path(os.path.commonpath([place.parent for place in places]))
    return [place.relative_to(within).as_posix() for place in places]


def _section(found: Analysed, spec: AnalysisSpec, *, number: int, of: str) -> Section:
    rows = parameters(spec, found.about)
    return Section(
        of=of,
        id=f"analysis-{number}",
        report=_report(found, spec),
        parameters=rows,
        source=str(found.about.get("source", {}).get("uri", "")),
        paragraph=paragraph(found.about, rows),
        provenance=provenance_rows(found.about, found.folder),
    )


def _report(found: Analysed, spec: AnalysisSpec) -> Report:
    if spec.report is None:
        return report_plainly(found.dataset, spec=spec)
    need_packages()
    try:
        made: Report = resolve(spec.report)(found.dataset)
    except AsemError as error:
        raise type(error)(f"{found.folder}: {error}") from error
    return made
