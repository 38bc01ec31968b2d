"""Names and what they stand for: every registered spec, with the distribution that it came from."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property, partial
from typing import Any, Generic, TypeVar

import attrs

from asem_core.errors import PluginError
from asem_core.plugins import BUILTIN, PluginRecord, Plugins, attempt, make_manager
from asem_core.specs import (
    AnalysisSpec,
    CheckpointSpec,
    DatasetSpec,
    ExclusionZoneSpec,
    FigureSpec,
    LabelRuleSpec,
    OrganelleSpec,
    PreprocessorSpec,
    ReaderSpec,
    RuntimeSpec,
)

__all__ = ["Entry", "Names", "Registry", "S", "make_registry", "resolve", "said_of"]

S = TypeVar("S")


@attrs.frozen(kw_only=True)
class Entry(Generic[S]):
    """A registered spec and the plugin that registered it."""

    spec: S
    plugin: PluginRecord


@attrs.frozen(kw_only=True)
class Names(Mapping[str, S], Generic[S]):
    """The specs of one kind by name. A name that is not there raises `PluginError` listing those that are."""

    kind: str
    entries: Mapping[str, Entry[S]]
    clashes: Mapping[str, str] = attrs.field(factory=dict)
    """Names that several plugins registered, so that none of them has it, and what is said of that."""
    broken: tuple[PluginRecord, ...] = ()
    """Plugins that could not be loaded, and those of which something of this kind was left out."""
    remedy: str = ""
    """What to do where a name is missing, which ``{name}`` stands for."""

    def __getitem__(self, name: str) -> S:
        if name in self.clashes:
            raise PluginError(self.clashes[name])
        if name not in self.entries:
            raise PluginError(self._unknown(name))
        return self.entries[name].spec

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def plugin_of(self, name: str) -> PluginRecord:
        """The plugin that registered ``name``."""
        self[name]
        return self.entries[name].plugin

    def _unknown(self, name: str) -> str:
        close = get_close_matches(name, list(self.entries), n=1)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        installed = ", ".join(sorted(self.entries)) or "none"
        remedy = f"; {self.remedy.format(name=name)}" if self.remedy else ""
        return f"unknown {self.kind} {name!r}; installed: {installed}{guess}{said_of(self.broken)}{remedy}"


def said_of(broken: Iterable[PluginRecord]) -> str:
    """What an error adds where the name that it misses may be that of a broken plugin."""
    return "".join(f"; the plugin {p.name!r} ({p.distribution}) is {p.state}" for p in broken)


class Registry:
    """Everything that the installed plugins registered, collected kind by kind when it is first asked for.

    A hook that raises, or returns anything but a list of its specs, gives nothing, while the other hooks of its plugin
    stand: what is sound goes on working, and no verb has to call hooks whose specs it does not use. Core's own names
    stay core's. A name that two plugins give to one kind belongs to neither, and using it is an error that names both.

    Parameters
    ----------
    plugins
        What `make_manager` returned.
    """

    def __init__(self, plugins: Plugins) -> None:
        self.plugins = plugins

    def __reduce__(self) -> tuple[Callable[[], Registry], tuple[()]]:
        """In another process it is what is installed there."""
        return make_registry, ()

    @cached_property
    def readers(self) -> Names[ReaderSpec]:
        """Volume formats."""
        return self._collect("reader", "asem_register_readers", ReaderSpec)

    @cached_property
    def datasets(self) -> Names[DatasetSpec]:
        """Volumes with labels."""
        return self._collect("data set", "asem_register_datasets", DatasetSpec)

    @cached_property
    def preprocessors(self) -> Names[PreprocessorSpec]:
        """Steps before the network."""
        return self._collect("preprocessor", "asem_register_preprocessors", PreprocessorSpec)

    @cached_property
    def label_rules(self) -> Names[LabelRuleSpec]:
        """Clean-up rules."""
        return self._collect("label rule", "asem_register_label_rules", LabelRuleSpec)

    @cached_property
    def exclusion_zones(self) -> Names[ExclusionZoneSpec]:
        """Exclusion zones."""
        return self._collect("exclusion zone", "asem_register_exclusion_zones", ExclusionZoneSpec)

    @cached_property
    def organelles(self) -> Names[OrganelleSpec]:
        """Organelles."""
        return attrs.evolve(
            self._collect("organelle", "asem_register_organelles", OrganelleSpec),
            remedy=f"{_plugin('organelle', 'organelles')}; or describe it without any: "
            "`asem organelles new {name}`, then --organelle {name}.yaml",
        )

    @cached_property
    def checkpoints(self) -> Names[CheckpointSpec]:
        """Published checkpoints."""
        return self._collect("published checkpoint", "asem_register_checkpoints", CheckpointSpec)

    @cached_property
    def analyses(self) -> Names[AnalysisSpec]:
        """Measurements."""
        return attrs.evolve(
            self._collect("analysis", "asem_register_analyses", AnalysisSpec), remedy=_plugin("analysis", "analyses")
        )

    @cached_property
    def figures(self) -> Names[FigureSpec]:
        """Figures for the pages of analyses."""
        return self._collect("figure", "asem_register_figures", FigureSpec)

    @cached_property
    def runtimes(self) -> Names[RuntimeSpec]:
        """ONNX runtimes."""
        return self._collect("runtime", "asem_register_runtimes", RuntimeSpec)

    def of_plugin(self, plugin_name: str) -> dict[str, dict[str, Any]]:
        """Per kind, the specs that the plugin ``plugin_name`` registered, by name."""
        found = {
            names.kind: {name: entry.spec for name, entry in names.entries.items() if entry.plugin.name == plugin_name}
            for names in self._kinds
        }
        return {kind: specs for kind, specs in found.items() if specs}

    def checked(self) -> tuple[PluginRecord, ...]:
        """The record of every plugin with all that is wrong with it: every registering hook is called, every spec is
        looked at, and so are the names by which organelles call label rules, zones and preprocessors."""
        wrong = self._wrong()
        return tuple(_with_errors(record, wrong) for record in self.plugins.records)

    def faults_of(self, plugin_name: str) -> tuple[str, ...]:
        """All that is wrong with the plugin ``plugin_name``, as `checked` finds it, one by one."""
        wrong = [*self.plugins.broken, *self._wrong()]
        return tuple(str(plugin.error) for plugin in wrong if plugin.name == plugin_name)

    def _wrong(self) -> list[PluginRecord]:
        """What is wrong with plugins that could be loaded."""
        in_hooks = [plugin for names in self._kinds for plugin in names.broken if plugin not in self.plugins.broken]
        return [*self.plugins.refused, *self._dangling(), *in_hooks]

    @property
    def _kinds(self) -> tuple[Names[Any], ...]:
        return (
            self.readers,
            self.datasets,
            self.preprocessors,
            self.label_rules,
            self.exclusion_zones,
            self.organelles,
            self.checkpoints,
            self.analyses,
            self.figures,
            self.runtimes,
        )

    def _dangling(self) -> Iterator[PluginRecord]:
        for entry in self.organelles.entries.values():
            spec = entry.spec
            zones = (spec.exclusion_zone, *spec.zone_presets.values())
            stages = [stage for model in spec.models for stage in model.preprocess]
            for names, uses in ((self.exclusion_zones, zones), (self.label_rules, spec.cleanup),
                                (self.preprocessors, stages)):  # fmt: skip
                for name in sorted({use.name for use in uses} - set(names)):
                    there = ", ".join(sorted(names)) or "none"
                    why = f"the organelle {spec.name!r} uses the {names.kind} {name!r}, which is not there"
                    yield attrs.evolve(entry.plugin, error=f"{why}; there are: {there}")

    def _collect(self, kind: str, hook: str, expected: type[S]) -> Names[S]:
        claims: dict[str, list[Entry[S]]] = defaultdict(list)
        broken = list(self.plugins.broken)
        for plugin, implementation in self.plugins.implementations(hook):
            specs, why = attempt(partial(_specs, implementation, expected))
            if specs is None:
                broken.append(attrs.evolve(plugin, error=f"{hook}: {why}"))
            for name, spec in (specs or {}).items():
                claims[name].append(Entry(spec=spec, plugin=plugin))
        entries, clashes = {}, {}
        for name, (first, *others) in sorted(claims.items()):
            if not others or first.plugin.name == BUILTIN:
                entries[name] = first
                broken += [
                    attrs.evolve(o.plugin, error=f"{hook}: the {kind} {name!r} is core's, call it otherwise")
                    for o in others
                ]
                continue
            makers = " and ".join(entry.plugin.distribution for entry in (first, *others))
            clashes[name] = f"two plugins register the {kind} {name!r}: {makers}; uninstall one of them"
            broken += [attrs.evolve(entry.plugin, error=clashes[name]) for entry in (first, *others)]
        return Names(kind=kind, entries=entries, clashes=clashes, broken=tuple(broken))


def _plugin(kind: str, folder: str) -> str:
    """Where ``{name}`` of ``kind`` would come from, by the names that plugins have."""
    return (
        f"install its plugin, if there is one: pip install asem-{kind}-{{name}}, in a clone ./plugins/{folder}/{{name}}"
    )


def _specs(hook: Callable[[], Any], expected: type[S]) -> dict[str, S]:
    """What ``hook`` returns, by name."""
    returned = hook()
    if not isinstance(returned, list | tuple | None):
        kind = expected.__name__
        raise TypeError(f"expected a list of {kind}, got {type(returned).__name__}: return [{kind}(...), ...]")
    found: dict[str, S] = {}
    for spec in returned or ():
        if not isinstance(spec, expected):
            raise TypeError(f"expected {expected.__name__}, got {type(spec).__name__}")
        name = str(getattr(spec, "name"))  # noqa: B009  # every spec has one, which S cannot say
        if name in found:
            raise ValueError(f"the name {name!r} is given twice")
        found[name] = spec
    return found


def _with_errors(record: PluginRecord, wrong: Iterable[PluginRecord]) -> PluginRecord:
    of = [plugin.error for plugin in wrong if attrs.evolve(plugin, error=None) == record]
    return attrs.evolve(record, error="; ".join(map(str, of))) if of else record


def make_registry() -> Registry:
    """The registry of everything installed."""
    return Registry(make_manager())


def resolve(path: str) -> Any:
    """Import what ``"package.module:name"`` stands for.

    Raises
    ------
    PluginError
        The module cannot be imported, whatever it raises, or has no such name.
    """
    module_name, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"cannot load {path}: {error}") from error
    except (Exception, SystemExit) as error:
        raise PluginError(f"cannot load {path}: {type(error).__name__}: {error}") from error
