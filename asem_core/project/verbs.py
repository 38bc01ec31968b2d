"""The verbs of ASEM as the steps of a project call them: each makes one output, and says what it found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from asem_core.analysis.run import analyze
from asem_core.conversion.convert import convert
from asem_core.evaluation.evaluate import evaluate
from asem_core.mask import make_mask
from asem_core.predict.segment import segment
from asem_core.progress import Progress
from asem_core.project.read import Conversion, Measure
from asem_core.project.site import Site
from asem_core.separation.run import instances

Facts = Mapping[str, Any]
"""What a step found, for the table; by column."""


def opened(site: Site, *, overwrite: bool, progress: Progress) -> Facts:
    """Open what was given, without reading it."""
    given = [site.given, *(site.opening(site.addressed(a))() for a in (site.cell.mask,) if a is not None)]
    if site.labels is not None:
        given += [site.opening(site.labels, labels=site.organelle(name).name)() for name in site.project.organelles]
    return {"volumes": len(given)}


def converted(site: Site, asked: Conversion, *, overwrite: bool, progress: Progress) -> Facts:
    """`asem convert`."""
    convert(
        site.given,
        site.converted,
        roi=site.roi,
        resample=asked.resample_nm,
        registry=site.registry,
        overwrite=overwrite,
        progress=progress,
    )
    return {}


def masked(site: Site, output: str, *, overwrite: bool, progress: Progress) -> Facts:
    """`asem mask`."""
    made = make_mask(
        site.raw,
        output,
        params=site.project.mask,
        grey=site.grey,
        registry=site.registry,
        overwrite=overwrite,
        progress=progress,
    )
    return {"cell": made.inside}


def segmented(site: Site, name: str, *, overwrite: bool, progress: Progress) -> Facts:
    """`asem segment`."""
    made = segment(
        site.raw,
        site.segmented(name),
        organelle=site.organelle(name),
        model=site.model(name),
        adapt=site.project.organelles[name].adapt,
        roi=site.roi if site.project.convert is None else None,
        mask=site.mask,
        grey=site.grey,
        registry=site.registry,
        overwrite=overwrite,
        progress=progress,
    )
    return {"model": made.model}


def separated(site: Site, name: str, *, overwrite: bool, progress: Progress) -> Facts:
    """`asem instances`."""
    made = instances(
        site.segmented(name),
        site.separated(name),
        organelle=site.organelle(name),
        registry=site.registry,
        overwrite=overwrite,
        progress=progress,
    )
    return {"objects": made.objects}


def scored(site: Site, name: str, *, labels: str, overwrite: bool, progress: Progress) -> Facts:
    """`asem evaluate`, into a file that is replaced whatever it holds: nobody else writes there."""
    found = evaluate(
        site.segmented(name),
        labels,
        organelle=site.organelle(name),
        mask=site.mask,
        voxel_size=site.cell.voxel_size_nm,
        registry=site.registry,
        progress=progress,
    )
    partial = site.scores(name).with_suffix(".partial")
    partial.write_text(json.dumps(found.to_json(), indent=2) + "\n")
    partial.replace(site.scores(name))
    scores = found.scores
    return {"F1 with zone": scores.with_zone.f1, "F1 without zone": scores.without_zone.f1}


def measured(site: Site, measure: Measure, given: Mapping[str, Any], *, overwrite: bool, progress: Progress) -> Facts:
    """`asem analyze`; ``given``: what it reads beside the objects, by role, see `asem_core.analyze`."""
    found = analyze(
        site.objects(measure.of),
        site.folder / measure.name,
        analysis=measure.analysis,
        params=measure.params,
        registry=site.registry,
        overwrite=overwrite,
        progress=progress,
        **given,
    )
    return {f"rows of {measure.analysis}": next(iter(found.sizes.values()))}
