"""Verbs of plugins: added to those that are there, replacing, changing and removing none of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any

import attrs
import click

from asem_core.plugins import Plugins, attempt

HOOK = "asem_register_commands"


def add_verbs(cli: click.Group, plugins: Plugins) -> Plugins:
    """Let every plugin add its verbs to ``cli``.

    A plugin that takes a verb that exists, of core or of a plugin before it, at the top or in a group, or that changes
    or removes one, or that fails half-way, adds none: ``cli`` is put back as it was.

    Returns
    -------
    Plugins
        ``plugins`` with those in ``refused`` whose verbs were left out, and why.
    """
    refused = []
    for plugin, hook in plugins.implementations(HOOK):
        before = [(path, verb, _state(verb)) for path, verb in _walk("asem", cli)]
        _, why = attempt(partial(_add, hook, cli, before))
        if why is not None:
            for _, verb, state in before:
                vars(verb).clear()
                vars(verb).update(state)
            refused.append(attrs.evolve(plugin, error=f"{HOOK}: {why}"))
    return attrs.evolve(plugins, refused=tuple(refused))


def with_own_tables(group: click.Group) -> click.Group:
    """A copy of ``group`` and of the groups in it: verbs that are added to it are not added to the original."""
    own = copy(group)
    own.commands = {
        name: with_own_tables(verb) if isinstance(verb, click.Group) else verb for name, verb in group.commands.items()
    }
    return own


_State = Mapping[str, Any]


def _walk(path: str, verb: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, verb
    if isinstance(verb, click.Group):
        for name, below in verb.commands.items():
            yield from _walk(f"{path} {name}", below)


def _state(verb: click.Command) -> dict[str, Any]:
    return {name: copy(value) if isinstance(value, dict | list) else value for name, value in vars(verb).items()}


def _add(hook: Callable[..., Any], cli: click.Group, before: Sequence[tuple[str, click.Command, _State]]) -> None:
    hook(cli=cli)
    for path, verb, state in before:
        now = _state(verb)
        _check_table(path, state.get("commands", {}), now.get("commands", {}))
        changed = {name for name in {*state, *now} - {"commands"} if state.get(name) != now.get(name)}
        if changed:
            raise ValueError(f"it changes the verb `{path}` ({', '.join(sorted(changed))})")


def _check_table(path: str, before: Mapping[str, click.Command], now: Mapping[str, click.Command]) -> None:
    for name, verb in before.items():
        if name not in now:
            raise ValueError(f"it removes the verb `{path} {name}`")
        if now[name] is not verb:
            raise ValueError(f"the verb `{path} {name}` exists already, and a plugin cannot replace it")
    for name in sorted(set(now) - set(before)):
        if not re.fullmatch(r"\w[\w-]*", name):
            raise ValueError(f"{name!r} cannot be the name of a verb")
        if not isinstance(now[name], click.Command):
            raise TypeError(f"the verb `{path} {name}` is a {type(now[name]).__name__}, expected a click command")
        now[name].get_short_help_str()  # what `asem --help` asks of it
