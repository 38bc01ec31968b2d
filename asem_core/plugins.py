"""Loading plugins: one entry point at a time, so that a broken one never takes the host down."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeVar

import attrs
import importlib_metadata
import pluggy

from asem_core import hookspecs
from asem_core.compatibility import other_core
from asem_core.specs import RunEvent

ENTRY_POINT_GROUP = "asem"
BUILTIN = "asem-core"

T = TypeVar("T")
log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class PluginRecord:
    """One entry point: what it is, where it comes from, and what is wrong with it."""

    name: str
    distribution: str
    version: str
    error: str | None = None
    """Why it, or what one of its hooks gives, is left out."""
    blocked: bool = False
    """Whether it is left out because it was written for another version of core."""

    @property
    def state(self) -> str:
        """``ok``, or what is wrong with it."""
        if self.error is None:
            return "ok"
        return f"{'blocked' if self.blocked else 'broken'}: {self.error}"


@attrs.frozen(kw_only=True)
class Plugins:
    """The pluggy manager of one run, with a record of every plugin. Made by `make_manager`, passed along."""

    manager: pluggy.PluginManager
    records: tuple[PluginRecord, ...]
    """Core first, then by name; those that could not be loaded too."""
    refused: tuple[PluginRecord, ...] = ()
    """Plugins whose verbs the command line refused, with the reason."""

    @property
    def broken(self) -> tuple[PluginRecord, ...]:
        """Plugins that could not be loaded."""
        return tuple(plugin for plugin in self.records if plugin.error is not None)

    def implementations(self, hook: str) -> Iterator[tuple[PluginRecord, Callable[..., Any]]]:
        """Who implements ``hook``, in the order of `records`, whatever the order in which pluggy would call them."""
        found = {i.plugin_name: i for i in getattr(self.manager.hook, hook).get_hookimpls()}
        for plugin in self.records:
            if plugin.error is None and plugin.name in found:
                yield plugin, partial(_call, found[plugin.name])

    def tell_finished(self, event: RunEvent) -> None:
        """Call `asem_run_finished` of every plugin; what goes wrong there is logged and changes nothing."""
        for plugin, observe in self.implementations("asem_run_finished"):
            _, why = attempt(partial(observe, event=event))
            if why is not None:
                log.warning("asem_run_finished of the plugin %s: %s", plugin.name, why)


def _call(implementation: pluggy.HookImpl, **given: Any) -> Any:
    """Like pluggy: an implementation need not take every argument of its hook."""
    return implementation.function(**{name: given[name] for name in implementation.argnames})


def attempt(call: Callable[[], T]) -> tuple[T | None, str | None]:
    """What ``call``, the code of a plugin, returns, or in one line why it returns nothing.

    It may raise anything and print anything: standard output belongs to the verb, so that goes to standard error.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return call(), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and the panics of other languages too: the host must live
        return None, _in_words(error)


def make_manager(entry_points: Iterable[Any] | None = None) -> Plugins:
    """Load every installed plugin and check which hooks it implements.

    Parameters
    ----------
    entry_points
        Entry points to load instead of the installed ones of group ``asem`` (tests pass their own).

    Returns
    -------
    Plugins
        The manager with all sound plugins registered. A plugin that fails to import, that implements no hook, one that
        does not exist or one as a wrapper, or whose distribution needs another version of core, is left out and listed
        with its reason in ``broken``.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    records = [_load_builtin(manager)]
    installed = records[0].version
    found = importlib_metadata.entry_points(group=ENTRY_POINT_GROUP) if entry_points is None else entry_points
    for record, entry_point in sorted(((_record(point), point) for point in found), key=lambda pair: _order(pair[0])):
        needs = _other_core(entry_point, installed=installed)
        if needs is not None:
            records.append(attrs.evolve(record, error=needs, blocked=True))
            continue
        same = next((other for other in records if other.error is None and other.name == record.name), None)
        _, error = attempt(partial(_load, manager, entry_point, same=same))
        records.append(attrs.evolve(record, error=error))
    return Plugins(manager=manager, records=tuple(records))


def _order(record: PluginRecord) -> tuple[str, str]:
    return record.name, record.distribution


def _record(entry_point: Any) -> PluginRecord:
    dist = entry_point.dist
    distribution, version = (dist.name, dist.version) if dist is not None else ("unknown", "unknown")
    return PluginRecord(name=entry_point.name, distribution=str(distribution), version=str(version))


def _load_builtin(manager: pluggy.PluginManager) -> PluginRecord:
    from asem_core import builtin

    manager.register(builtin, name=BUILTIN)
    return PluginRecord(name=BUILTIN, distribution=BUILTIN, version=importlib_metadata.version(BUILTIN))


def _other_core(entry_point: Any, *, installed: str) -> str | None:
    """What the distribution of a plugin needs of core that ``installed`` is not, in words; None: it may be loaded."""
    requires = getattr(entry_point.dist, "requires", None) or ()
    needed, _ = attempt(partial(other_core, requires, installed=installed))
    if needed is None:
        return None
    return f"needs asem-core{needed}, installed is {installed}: install that one, or another version of the plugin"


def _load(manager: pluggy.PluginManager, entry_point: Any, *, same: PluginRecord | None) -> None:
    if same is not None:
        raise ValueError(f"{same.distribution} has a plugin of this name too; uninstall one of them")
    plugin = entry_point.load()
    if manager.is_registered(plugin):
        raise ValueError(f"it is the plugin {manager.get_name(plugin)!r} once more")
    if manager.register(plugin, name=entry_point.name) is None:
        raise ValueError("its entry point is None")
    try:
        _check_names(manager, plugin)
        manager.check_pending()
        _check_hooks(manager, plugin)
    except BaseException:
        manager.unregister(plugin)
        raise


def _check_names(manager: pluggy.PluginManager, plugin: Any) -> None:
    for name in dir(plugin):
        marked = manager.parse_hookimpl_opts(plugin, name)
        if marked is None:
            continue
        hook = str(marked.get("specname") or name)
        if not hasattr(hookspecs, hook):
            close = get_close_matches(hook, [known for known in vars(hookspecs) if known.startswith("asem_")], n=1)
            guess = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(f"unknown hook {hook!r}{guess}")


def _check_hooks(manager: pluggy.PluginManager, plugin: Any) -> None:
    callers = manager.get_hookcallers(plugin) or []
    known = {name for name in vars(hookspecs) if name.startswith("asem_")}
    unmarked = sorted({name for name in dir(plugin) if name in known} - {caller.name for caller in callers})
    if unmarked:
        raise ValueError(f"{', '.join(unmarked)} is not marked with hookimpl: put @hookimpl above it")
    if not callers:
        raise ValueError("it implements no hook of ASEM")
    for caller in callers:
        if any(i.wrapper or i.hookwrapper for i in caller.get_hookimpls() if i.plugin is plugin):
            raise ValueError(f"{caller.name} is a wrapper: a plugin registers, it does not intercept")


def _in_words(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # an error whose own text fails
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
