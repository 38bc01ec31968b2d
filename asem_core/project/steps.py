"""What a project asks for: the steps of every volume, in order, and what each reads and makes.

::

    convert -> mask -> segment -> instances -> analyze
                          |----> evaluate
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from asem_core.errors import ProjectError
from asem_core.params import make_params
from asem_core.project import verbs
from asem_core.project.read import Measure
from asem_core.project.site import Site
from asem_core.project.verbs import Facts
from asem_core.separation.inside import check_separable
from asem_core.specs import AnalysisSpec
from asem_core.volume.volume import Volume

_OPEN = "open"


@attrs.frozen(kw_only=True)
class Step:
    """One output of one volume."""

    volume: str
    name: str
    organelle: str = ""
    """That it is of; nothing, where it is of all."""
    output: Path
    make: Callable[..., Facts]
    """``make(overwrite=, progress=)``."""
    after: tuple[str, ...] = ()
    """Names of the volume's steps without which it cannot be made."""
    request: Mapping[str, Any] | None = None
    """All that the output depends on beside what is read, in JSON types; None where the output states it itself, as
    those of jobs do."""
    reads: tuple[Callable[[], Volume], ...] = ()
    """Volumes that are read, to be opened; with ``request``."""
    files: tuple[Path, ...] = ()
    """Other files that are read; with ``request``."""
    is_analysis: bool = False
    """Whether the output belongs into the report."""


def opening(site: Site) -> Step:
    """Opens what was given of a volume; all other steps need it."""
    return Step(volume=site.name, name=_OPEN, output=site.folder, make=partial(verbs.opened, site))


def steps_of(site: Site) -> Iterator[Step]:
    """Every step of a volume, in an order in which they can be made.

    Raises
    ------
    AsemError
        An organelle or analysis is not installed, or lacks something that the project does not give.
    """
    before: tuple[str, ...] = (_OPEN,)
    step = partial(Step, volume=site.name)
    if site.project.convert is not None:
        make = partial(verbs.converted, site, site.project.convert)
        yield step(name="convert", output=site.converted, make=make, after=before)
        before = ("convert",)
    if site.makes_mask and site.mask is not None:
        yield step(name="mask", output=Path(site.mask), make=partial(verbs.masked, site, site.mask), after=before)
        before = (*before, "mask")
    for name in site.project.organelles:
        yield from _of_organelle(site, name, before)
    for measure in site.project.analyses:
        yield _analysis(site, measure)


def _of_organelle(site: Site, name: str, before: tuple[str, ...]) -> Iterator[Step]:
    step = partial(Step, volume=site.name, organelle=name)
    own = (f"segment {name}",)
    yield step(name=own[0], output=site.segmented(name), make=partial(verbs.segmented, site, name), after=before)
    if site.project.organelles[name].instances:
        check_separable(site.organelle(name))
        make = partial(verbs.separated, site, name)
        yield step(name=f"instances {name}", output=site.separated(name), make=make, after=own)
    if site.labels is not None:
        yield step(
            name=f"evaluate {name}",
            output=site.scores(name),
            make=partial(verbs.scored, site, name, labels=site.labels),
            after=own,
            request={"organelle": site.organelle(name).name, "zone": str(site.organelle(name).exclusion_zone)},
            reads=(
                site.opening(site.label(name)),
                site.opening(site.labels, labels=site.organelle(name).name),
                *([] if site.mask is None else [site.opening(site.mask)]),
            ),
        )


def _analysis(site: Site, measure: Measure) -> Step:
    spec, organelles = site.registry.analyses[measure.analysis], site.project.organelles
    files = _files(site, spec, measure)
    measure = attrs.evolve(measure, params={**measure.params, **{name: str(path) for name, path in files.items()}})
    roles = {"raw": site.raw_address, "cell_mask": site.mask}
    beside = {role: place for role, place in roles.items() if place and role in (*spec.needs, *spec.takes)}
    others = {name: site.objects(name) for name in measure.others}
    for role in spec.needs:
        if role not in beside and not (role == "others" and others):
            what = role.replace("_", " ")
            raise ProjectError(f"the analysis {spec.name} needs {what}, which the project does not give")
    made = [(name, organelles[name].instances) for name in (measure.of, *measure.others)]
    return Step(
        volume=site.name,
        name=f"analyze {measure.name}",
        is_analysis=True,
        organelle=measure.of,
        output=site.folder / measure.name,
        make=partial(verbs.measured, site, measure, {**beside, "others": others or None}),
        after=tuple(f"{'instances' if separated else 'segment'} {name}" for name, separated in made),
        request={"analysis": spec.name, "version": spec.version, "params": dict(measure.params)},
        reads=tuple(site.opening(place) for place in (site.objects(measure.of), *others.values(), *beside.values())),
        files=tuple(files.values()),
    )


def _files(site: Site, spec: AnalysisSpec, measure: Measure) -> dict[str, Path]:
    """The files among the parameters of ``measure``, as they are meant in the project's file."""
    params = attrs.asdict(make_params(spec, measure.params), recurse=False)
    return {name: Path(site.addressed(str(path))) for name, path in params.items() if isinstance(path, Path)}
