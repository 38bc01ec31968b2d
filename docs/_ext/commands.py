"""The verbs of ``asem`` as attributes of a module, which is what sphinx-click takes."""

from __future__ import annotations

from functools import cache

import click

from asem_core.cli.main import command_line


@cache
def _asem() -> click.Group:
    return command_line()[0]


def names() -> list[str]:
    """Of all verbs of core and of the plugins that are installed, in data-flow order."""
    return list(_asem().commands)


def __getattr__(name: str) -> click.Command:
    try:
        return _asem().commands[name]
    except KeyError:
        raise AttributeError(name) from None
