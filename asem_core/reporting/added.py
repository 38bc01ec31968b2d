"""Figures that plugins add to the page of an analysis."""

from __future__ import annotations

import logging

import attrs

from asem_core.errors import AsemError
from asem_core.registry import Registry, resolve
from asem_core.reporting.folder import Analysed
from asem_core.reporting.parts import Figure, Report

log = logging.getLogger(__name__)

_KNOWN = {"objects": "The largest objects, to be turned, are drawn by `asem-mesh`: `pip install asem-mesh`."}
"""By analysis: what is said where nothing adds a figure to it."""


def with_figures(report: Report, found: Analysed, registry: Registry) -> Report:
    """``report`` on ``found`` with the figures that installed plugins add, before its own.

    One that cannot be drawn is left out, and the findings say why.
    """
    if not report.figures:  # nothing was found
        return report
    specs = [spec for spec in registry.figures.values() if found.name in spec.analyses]
    figures, notes = [], []
    for spec in specs:
        try:
            figure: Figure = resolve(spec.draw)(found.folder, found.dataset)
            figures.append(figure)
        except AsemError as error:
            notes.append(f"No picture of {spec.summary}: {error}.")
        except Exception as error:  # of a plugin: the page has nothing to do with it
            log.exception("%s", spec.name)
            notes.append(f"No picture of {spec.summary}: {type(error).__name__}: {error}.")
    if not specs and found.name in _KNOWN:
        notes.append(_KNOWN[found.name])
    findings = "\n\n".join(text for text in (report.findings, *notes) if text)
    return attrs.evolve(report, figures=(*figures, *report.figures), findings=findings)
