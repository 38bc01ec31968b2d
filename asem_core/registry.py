"""Names and what they stand for: every registered spec, with the distribution that it came from."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Generic, TypeVar

import attrs

from asem_core.errors import PluginError
from asem_core.plugins import LoadedPlugin, Plugins, make_manager
from asem_core.specs import (
    AnalysisSpec,
    CheckpointSpec,
    DatasetSpec,
    ExclusionZoneSpec,
    LabelRuleSpec,
    OrganelleSpec,
    PreprocessorSpec,
    ReaderSpec,
    RuntimeSpec,
)

S = TypeVar("S")


@attrs.frozen(kw_only=True)
class Entry(Generic[S]):
    """A registered spec and the plugin that registered it."""

    spec: S
    plugin: LoadedPlugin


@attrs.frozen(kw_only=True)
class Names(Mapping[str, S], Generic[S]):
    """The specs of one kind by name. A name that is not there raises `PluginError` listing those that are."""

    kind: str
    entries: Mapping[str, Entry[S]]
    broken: tuple[LoadedPlugin, ...] = ()

    def __getitem__(self, name: str) -> S:
        if name not in self.entries:
            raise PluginError(self._unknown(name))
        return self.entries[name].spec

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def plugin_of(self, name: str) -> LoadedPlugin:
        """The plugin that registered ``name``."""
        self[name]
        return self.entries[name].plugin

    def _unknown(self, name: str) -> str:
        close = get_close_matches(name, list(self.entries), n=1)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        installed = ", ".join(sorted(self.entries)) or "none"
        text = f"unknown {self.kind} {name!r}; installed: {installed}{guess}"
        for plugin in self.broken:
            text += f"; the plugin {plugin.name!r} ({plugin.distribution}) is broken: {plugin.error}"
        return text


class Registry:
    """Everything that the installed plugins registered.

    Parameters
    ----------
    plugins
        What `make_manager` returned.

    Raises
    ------
    PluginError
        Two plugins registered one name; the message names both distributions. Raised when that kind is first used.
    """

    def __init__(self, plugins: Plugins) -> None:
        self.plugins = plugins

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
        return self._collect("organelle", "asem_register_organelles", OrganelleSpec)

    @cached_property
    def checkpoints(self) -> Names[CheckpointSpec]:
        """Published checkpoints."""
        return self._collect("published checkpoint", "asem_register_checkpoints", CheckpointSpec)

    @cached_property
    def analyses(self) -> Names[AnalysisSpec]:
        """Measurements."""
        return self._collect("analysis", "asem_register_analyses", AnalysisSpec)

    @cached_property
    def runtimes(self) -> Names[RuntimeSpec]:
        """ONNX runtimes."""
        return self._collect("runtime", "asem_register_runtimes", RuntimeSpec)

    def of_plugin(self, plugin_name: str) -> dict[str, list[str]]:
        """Per kind, the names that the plugin ``plugin_name`` registered."""
        kinds = (
            self.readers, self.datasets, self.preprocessors, self.label_rules,
            self.exclusion_zones, self.organelles, self.checkpoints, self.analyses, self.runtimes,
        )  # fmt: skip
        found = {
            names.kind: [name for name, entry in names.entries.items() if entry.plugin.name == plugin_name]
            for names in kinds
        }
        return {kind: names for kind, names in found.items() if names}

    def _collect(self, kind: str, hook: str, expected: type[S]) -> Names[S]:
        entries: dict[str, Entry[S]] = {}
        broken = list(self.plugins.broken)
        for implementation in getattr(self.plugins.manager.hook, hook).get_hookimpls():
            plugin = self.plugins.owner(implementation.plugin_name)
            try:
                specs = [_checked(spec, expected) for spec in implementation.function() or []]
            except (Exception, SystemExit) as exc:  # one plugin's failure must not hide the others
                broken.append(attrs.evolve(plugin, error=f"{hook}: {type(exc).__name__}: {exc}"))
                continue
            for name, spec in specs:
                if name in entries:
                    other = entries[name].plugin
                    raise PluginError(
                        f"two plugins register the {kind} {name!r}: {other.distribution} and "
                        f"{plugin.distribution}; uninstall one of them"
                    )
                entries[name] = Entry(spec=spec, plugin=plugin)
        ordered = dict(sorted(entries.items()))
        return Names(kind=kind, entries=ordered, broken=tuple(broken))


def _checked(spec: Any, expected: type[S]) -> tuple[str, S]:
    if not isinstance(spec, expected):
        raise TypeError(f"expected {expected.__name__}, got {type(spec).__name__}")
    return str(getattr(spec, "name")), spec  # noqa: B009  # every spec has one, which S cannot say


def make_registry() -> Registry:
    """The registry of everything installed."""
    return Registry(make_manager())


def resolve(path: str) -> Any:
    """Import what ``"package.module:name"`` stands for.

    Raises
    ------
    PluginError
        The module cannot be imported or has no such name.
    """
    module_name, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as exc:
        raise PluginError(f"cannot load {path}: {exc}") from exc
