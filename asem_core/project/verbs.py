"""The verbs of ASEM as the steps of a project call them: each makes one output, and says what it found."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from asem_core.analysis.run import analyze
from asem_core.blocks.job import earlier_run
from asem_core.conversion.convert import convert
from asem_core.errors import AsemError, OutputError
from asem_core.evaluation.evaluate import evaluate
from asem_core.mask import make_mask
from asem_core.predict import Segmentation, Wanted, segment_together
from asem_core.progress import Progress
from asem_core.project.read import Conversion, Measure
from asem_core.project.site import Site
from asem_core.separation.run import instances

log = logging.getLogger(__name__)

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
    """`asem segment`, in one pass with the organelles that are not segmented yet either."""
    names = [name]
    if not overwrite and _is_open(site, name):
        names = [other for other in site.project.organelles if other == name or _is_open(site, other)]
    segment = partial(_segment, site, overwrite=overwrite, progress=progress)
    try:
        made = segment(names)
    except AsemError as error:
        if names == [name]:
            raise
        log.info("%s: not in one pass: %s", site.name, error)
        made = segment([name])
    return {"model": made[name].model}


def _is_open(site: Site, name: str) -> bool:
    """Whether it is not segmented yet."""
    try:
        earlier = earlier_run(site.segmented(name))
    except OutputError:  # which is for its own step to tell
        return False
    return earlier is None or not earlier.complete


def _segment(site: Site, names: Sequence[str], *, overwrite: bool, progress: Progress) -> Mapping[str, Segmentation]:
    wanted = [
        Wanted(
            output=site.segmented(name),
            organelle=site.organelle(name),
            model=site.model(name),
            adapt=site.project.organelles[name].adapt,
        )
        for name in names
    ]
    made = segment_together(
        site.raw,
        wanted,
        roi=site.roi if site.project.convert is None else None,
        mask=site.mask,
        grey=site.grey,
        registry=site.registry,
        overwrite=overwrite,
        progress=progress,
    )
    return dict(zip(names, made, strict=True))


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
