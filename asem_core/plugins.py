"""Loading plugins: one entry point at a time, so that a broken one never takes the host down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import importlib_metadata
import pluggy

from asem_core import hookspecs

ENTRY_POINT_GROUP = "asem"
BUILTIN = "asem-core"


@attrs.frozen(kw_only=True)
class LoadedPlugin:
    """One entry point: what it is, where it comes from, and what went wrong if it is broken."""

    name: str
    distribution: str
    version: str
    error: str | None = None


@attrs.frozen(kw_only=True)
class Plugins:
    """The pluggy manager of one run, with the record of what was loaded. Made by `make_manager`, passed along."""

    manager: pluggy.PluginManager
    loaded: tuple[LoadedPlugin, ...]

    @property
    def broken(self) -> tuple[LoadedPlugin, ...]:
        """Plugins that could not be loaded."""
        return tuple(plugin for plugin in self.loaded if plugin.error is not None)

    def owner(self, name: str) -> LoadedPlugin:
        """The record of the sound plugin registered as ``name``; a broken one may claim the same name."""
        return next(plugin for plugin in self.loaded if plugin.name == name and plugin.error is None)


def make_manager(entry_points: Iterable[Any] | None = None) -> Plugins:
    """Load every installed plugin and check each one's hooks.

    Parameters
    ----------
    entry_points
        Entry points to load instead of the installed ones of group ``asem`` (tests pass their own).

    Returns
    -------
    Plugins
        The manager with all sound plugins registered. A plugin that fails to import, or that implements a hook that
        does not exist, is left out and listed with its reason in ``broken``.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    loaded = [_load_builtin(manager)]
    found = importlib_metadata.entry_points(group=ENTRY_POINT_GROUP) if entry_points is None else entry_points
    for entry_point in sorted(found, key=lambda point: str(point.name)):
        loaded.append(_load(manager, entry_point))
    return Plugins(manager=manager, loaded=tuple(loaded))


def _load_builtin(manager: pluggy.PluginManager) -> LoadedPlugin:
    from asem_core import builtin

    manager.register(builtin, name=BUILTIN)
    return LoadedPlugin(name=BUILTIN, distribution=BUILTIN, version=importlib_metadata.version(BUILTIN))


def _load(manager: pluggy.PluginManager, entry_point: Any) -> LoadedPlugin:
    dist = entry_point.dist
    distribution, version = (dist.name, dist.version) if dist is not None else ("unknown", "unknown")
    error = None
    plugin: Any = None
    try:
        plugin = entry_point.load()
        if manager.register(plugin, name=entry_point.name) is None:
            raise ValueError(f"the name {entry_point.name!r} is blocked")
        manager.check_pending()
    except (Exception, SystemExit) as exc:  # a plugin may raise anything; the host must live
        error = f"{type(exc).__name__}: {exc}"
        if plugin is not None and manager.is_registered(plugin) and manager.get_plugin(entry_point.name) is plugin:
            manager.unregister(plugin)
    return LoadedPlugin(name=entry_point.name, distribution=distribution, version=version, error=error)
