"""What a plugin registers: its hooks, its specs, and that everything is there which a spec names."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import attrs

from asem_core.errors import AsemError
from asem_core.organelles import check_organelle, file_of
from asem_core.params import make_params
from asem_core.preprocessing.stages import make_steps
from asem_core.registry import Registry, resolve
from asem_core.specs import (
    AnalysisSpec,
    ExclusionZoneSpec,
    FigureSpec,
    LabelRuleSpec,
    OrganelleSpec,
    PreprocessorSpec,
    ReaderSpec,
    RuntimeSpec,
)
from asem_core.testing.check import Check, NotChecked

_CALLS: dict[type, dict[str, tuple[str, ...]]] = {
    PreprocessorSpec: {
        "fn": ("raw", "box=", "voxel_size=", "stats=", "params="),
        "halo": ("voxel_size", "params"),
        "statistics": ("volume", "params=", "progress="),
    },
    LabelRuleSpec: {
        "fn": ("labels", "voxel_size=", "params="),
        "halo": ("voxel_size", "params"),
        "by_blocks": ("labels", "voxel_size=", "params="),
    },
    ExclusionZoneSpec: {"fn": ("inside", "voxel_size=", "params="), "halo": ("voxel_size", "params")},
    ReaderSpec: {"accepts": ("uri",), "open": ("uri",)},
    AnalysisSpec: {"fn": ("view", "params="), "counted": ("dataset",), "report": ("dataset",)},
    FigureSpec: {"draw": ("folder", "dataset")},
    RuntimeSpec: {"probe": (), "open": ("model", "shape=", "precision=", "threads=")},
}
"""How the function that a field names is called: ``=`` by keyword, the others in this order."""
_FROZEN: Any = attrs.frozen(type("_Frozen", (), {})).__setattr__
"""Of every frozen class."""


def hook_check(plugin: str, *, registry: Registry) -> Check:
    """Whether ``plugin`` loads, every hook gives a list of its specs, and no name and no verb is another's."""
    return Check(subject="plugin", name="hooks and specs", find=lambda: registry.faults_of(plugin))


def name_checks(kind: str, spec: Any, *, registry: Registry) -> Iterator[Check]:
    """Whether what ``spec`` names is there: functions and how they are called, parameters, options, stages."""
    of = partial(Check, subject=f"{kind} {spec.name!r}")
    if calls := _CALLS.get(type(spec)):
        yield of(name="functions", find=partial(_functions, spec, calls))
    if hasattr(spec, "params"):
        yield of(name="parameters", find=partial(_parameters, spec))
    if isinstance(spec, AnalysisSpec):
        yield of(name="options", find=partial(_options, spec, registry))
    if isinstance(spec, OrganelleSpec):
        yield of(name="stages", find=partial(_stages, spec, registry))


def recipe_check(spec: OrganelleSpec) -> Check:
    """Whether the recipe of an organelle, and the card beside it, are there and can be read."""
    return Check(subject=f"organelle {spec.name!r}", name="recipe and card", find=partial(_recipe, spec))


def _functions(spec: Any, calls: dict[str, tuple[str, ...]]) -> Iterator[str]:
    for field, arguments in calls.items():
        value = getattr(spec, field)
        for path in [value] if isinstance(value, str) else value or ():
            try:
                function = resolve(path)
            except AsemError as error:
                yield f"{field}: {error}"
                continue
            yield from _call_problems(f"{field} {path}", function, arguments)


def _call_problems(named: str, function: Any, arguments: Iterable[str]) -> Iterator[str]:
    by_place = [name for name in arguments if not name.endswith("=")]
    by_name = [name.removesuffix("=") for name in arguments if name.endswith("=")]
    try:
        inspect.signature(function).bind(*by_place, **dict.fromkeys(by_name))
    except (TypeError, ValueError) as error:
        called = ", ".join([*by_place, *(f"{name}=..." for name in by_name)])
        yield f"{named} is called as ({called}), which it does not take: {error}"


def _parameters(spec: Any) -> Iterator[str]:
    kind = resolve(spec.params)
    if not isinstance(kind, type) or not attrs.has(kind):
        yield f"{spec.params} must be an attrs class, got {kind!r}: decorate it with @attrs.frozen(kw_only=True)"
        return
    if kind.__setattr__ is not _FROZEN:
        yield f"{spec.params} is not frozen: decorate it with @attrs.frozen(kw_only=True)"
    if all(field.default is not attrs.NOTHING for field in attrs.fields(kind)):
        make_params(spec, {})


def _options(spec: AnalysisSpec, registry: Registry) -> Iterator[str]:
    from asem_core.cli.analyze import make_command

    make_command(spec.name, registry)
    yield from ()


def _stages(spec: OrganelleSpec, registry: Registry) -> Iterator[str]:
    check_organelle(spec, registry, where=f"organelle {spec.name!r}")
    for model in spec.models:
        make_steps(model.preprocess, registry)
    if spec.models and spec.default_model is None:
        ids = ", ".join(model.id for model in spec.models)
        yield f"it has models but no default_model: `asem segment` finds none; name one of {ids}"


def _recipe(spec: OrganelleSpec) -> Iterator[str]:
    from asem_core.training.recipe import load_recipe
    from asem_core.zoo.write.card import load_card

    if spec.recipe is None:
        raise NotChecked("it has no recipe")
    path = file_of(spec.recipe)
    if not path.is_file():
        yield f"the recipe {spec.recipe} is not in the package ({path}): add the file, or leave recipe out"
        return
    trains = load_recipe(path).organelle
    if trains != spec.name:
        yield f"{path} trains {trains!r}: write organelle: {spec.name}"
    card = path.with_suffix(".card.yaml")
    if card.is_file():
        load_card(card)
