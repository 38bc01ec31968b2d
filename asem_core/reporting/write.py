"""From output folders of analyses to one page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from asem_core.errors import AsemError
from asem_core.home import local_path
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry, resolve
from asem_core.reporting.added import with_figures
from asem_core.reporting.comparison.cells import Comparison
from asem_core.reporting.comparison.section import Compared, compare_cells, section_of
from asem_core.reporting.files import FILES, files_beside, is_files, write_files
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
from asem_core.volume.places import remove

_REPORT = Replaceable(name="a report", recognise=is_report)


def report(
    analyses: Sequence[str | Path] | str | Path,
    output: str | Path,
    *,
    comparisons: Sequence[Comparison] = (),
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
        The HTML file; all that it shows is in it. Its figures (SVG, and PNG of those in three dimensions) and tables
        (CSV) also come as files, into a folder beside it: ``cell-files`` for ``cell.html``.
    comparisons
        What is compared, first on the page: analyses among ``analyses`` or others.
    registry
        By default everything installed.
    overwrite
        Whether a report that is already there is replaced, with its files, unless they were edited.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    AsemError
        A folder is no output of an analysis, or another version wrote it; a package that draws is missing; what is
        compared is of several analyses, or the same objects twice.
    PluginError
        The analysis is not installed.
    OutputError
        See `complete_or_absent`. A page may lie in the folder of an analysis, beside its files.

    Examples
    --------
    >>> report(["pores/", "pits/"], "cell.html")  # doctest: +SKIP
    >>> fed, starved = {"1": ["fed1/"], "2": ["fed2/"]}, {"3": ["starved/"]}
    >>> compared = Comparison(conditions={"fed": fed, "starved": starved})
    >>> report(["fed1/", "fed2/", "starved/"], "cells.html", comparisons=[compared])  # doctest: +SKIP
    """
    registry = registry or make_registry()
    folders = [local_path(folder) for folder in ([analyses] if isinstance(analyses, str | Path) else analyses)]
    every = dict.fromkeys([*folders, *(folder for wanted in comparisons for folder in wanted.folders)])
    found = {folder.resolve(): read_analysis(folder) for folder in every}
    inputs = [read for one in found.values() for read in _read_from(one)]
    page_path = check_destination(local_path(output), overwrite=overwrite, kind=_REPORT, inputs=inputs)
    files_path = check_destination(files_beside(page_path), overwrite=overwrite, kind=FILES, inputs=inputs)
    compared = [_compare(wanted, found, registry) for wanted in comparisons]
    sections = [section_of(one, id=f"comparison-{number}") for number, one in enumerate(compared, 1)]
    for done, (folder, of) in enumerate(zip(folders, _told_apart(folders), strict=True)):
        progress("report", done, len(folders))
        one = found[folder.resolve()]
        sections.append(_section(one, registry, number=done + 1, of=of))
    page = render(sections).encode()
    writing = partial(complete_or_absent, overwrite=overwrite, inputs=inputs)
    with writing(page_path, needed_bytes=len(page), kind=_REPORT) as page_partial:
        page_partial.write_bytes(page)
        with writing(files_path, needed_bytes=0, kind=FILES) as files_partial:
            write_files(files_partial, sections)
    for written in (page_path, files_path):
        add_to_contents(written)
    progress("report", len(folders), len(folders))
    return page_path


def remove_report(page: Path) -> None:
    """Remove ``page`` and the files beside it, as far as they are what `report` wrote."""
    for path, kind in ((page, _REPORT), (files_beside(page), FILES)):
        if kind.recognise(path):
            remove(path)


def _compare(wanted: Comparison, found: Mapping[Path, Analysed], registry: Registry) -> Compared:
    need_packages()
    return compare_cells(wanted, found, registry=registry)


def _read_from(found: Analysed) -> list[Input]:
    """The files of an analysis, and the volumes that it was made from."""
    sources = [found.about.get("source", {}), *found.about.get("inputs", {}).values()]
    return [
        *(path for path in found.folder.iterdir() if not (is_report(path) or is_files(path))),
        *(str(source["uri"]) for source in sources if "uri" in source),
    ]


def _told_apart(folders: Sequence[Path]) -> list[str]:
    """What names each of several ``folders``: what is left without the folder that all lie in."""
    if len(set(folders)) < 2:
        return [""] * len(folders)
    places = [folder.resolve() for folder in folders]
    within = Path(os.path.commonpath([place.parent for place in places]))
    return [place.relative_to(within).as_posix() for place in places]


def _section(found: Analysed, registry: Registry, *, number: int, of: str) -> Section:
    spec = registry.analyses[found.name]
    rows = parameters(spec, found.about)
    return Section(
        of=of,
        id=f"analysis-{number}",
        name=of or found.name,
        tables={of or found.name: csv.read_bytes()} if (csv := found.folder / f"{found.name}.csv").is_file() else {},
        report=with_figures(_report(found, spec), found, registry),
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
