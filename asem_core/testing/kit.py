"""Every check of one plugin, by what it registers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from asem_core.errors import PluginError
from asem_core.registry import Registry
from asem_core.specs import (
    AnalysisSpec,
    ExclusionZoneSpec,
    LabelRuleSpec,
    OrganelleSpec,
    PreprocessorSpec,
    ReaderSpec,
    RuntimeSpec,
    StageRef,
)
from asem_core.testing.check import Check, after, remembered
from asem_core.testing.entry import hook_check, name_checks, recipe_check
from asem_core.testing.light import light_checks
from asem_core.testing.readers import Sample


def plugin_checks(
    plugin: str,
    *,
    registry: Registry | None = None,
    samples: Mapping[str, Callable[[Path], Sample]] | None = None,
) -> Iterator[Check]:
    """The checks of the installed plugin ``plugin``, cheap ones first; none is made before `Check.perform`.

    Parameters
    ----------
    plugin
        Name of its entry point, as ``asem plugins list`` shows it.
    registry
        By default everything installed, verbs of plugins included.
    samples
        By the name of a reader, what writes a file for it into a folder: without, readers are not tried on volumes.

    Raises
    ------
    PluginError
        No such plugin is installed.

    Examples
    --------
    >>> [finding] = [check.perform() for check in plugin_checks("asem-core") if check.name == "hooks and specs"]
    >>> str(finding)
    'passed  plugin: hooks and specs'
    """
    if registry is None:
        from asem_core.cli.main import command_line

        registry = command_line()[1]
    installed = [record.name for record in registry.plugins.records]
    if plugin not in installed:
        raise PluginError(f"unknown plugin {plugin!r}; installed: {', '.join(installed)}")
    yield hook_check(plugin, registry=registry)
    yield from light_checks(plugin)
    for kind, specs in registry.of_plugin(plugin).items():
        for spec in specs.values():
            yield from checks_of_spec(kind, spec, registry=registry, samples=samples)


def checks_of_spec(
    kind: str, spec: Any, *, registry: Registry, samples: Mapping[str, Callable[[Path], Sample]] | None = None
) -> Iterator[Check]:
    """The checks of one ``spec``, which ``registry`` holds as a ``kind``: of what it names, then of what that does."""
    named = [remembered(check) for check in name_checks(kind, spec, registry=registry)]
    yield from named
    yield from (after(named, check) for check in _of_spec(spec, registry=registry, samples=samples or {}))


def _of_spec(spec: Any, *, registry: Registry, samples: Mapping[str, Callable[[Path], Sample]]) -> Iterator[Check]:
    match spec:
        case LabelRuleSpec():
            from asem_core.testing.rules import rule_checks

            yield from rule_checks(spec, uses=_uses(spec, registry))
        case PreprocessorSpec():
            from asem_core.testing.stages import stage_checks

            yield from stage_checks(spec, uses=_uses(spec, registry))
        case ExclusionZoneSpec():
            from asem_core.testing.zones import zone_checks

            yield from zone_checks(spec, uses=_uses(spec, registry))
        case ReaderSpec():
            from asem_core.testing.readers import reader_checks

            yield from reader_checks(spec, sample=samples.get(spec.name), registry=registry)
        case AnalysisSpec():
            from asem_core.testing.analyses import analysis_checks

            yield from analysis_checks(spec, registry=registry)
        case RuntimeSpec():
            from asem_core.testing.runtimes import runtime_checks

            yield from runtime_checks(spec)
        case OrganelleSpec():
            from asem_core.testing.models import model_checks

            yield recipe_check(spec)
            for model in spec.models:
                yield from model_checks(model, organelle=spec.name, registry=registry)


def _uses(spec: Any, registry: Registry) -> list[Mapping[str, Any]]:
    """The parameters that installed organelles and their models give to a stage, each once."""
    found: list[Mapping[str, Any]] = []
    for stage in _named(registry):
        if stage.name == spec.name and stage.params and stage.params not in found:
            found.append(stage.params)
    return found


def _named(registry: Registry) -> Iterator[StageRef]:
    for organelle in registry.organelles.values():
        yield from (*organelle.cleanup, organelle.exclusion_zone, *organelle.zone_presets.values())
        for model in organelle.models:
            yield from model.preprocess
