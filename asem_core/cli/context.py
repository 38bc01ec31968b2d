"""What the verbs of one `asem` command share: the registry, for which plugins are loaded once."""

from __future__ import annotations

import click

from asem_core import registry
from asem_core.registry import Registry


def shared_registry(ctx: click.Context | None = None) -> Registry:
    """The registry of the command that runs; a verb that runs by itself, outside `asem`, gets one of its own."""
    found = (ctx or click.get_current_context()).find_object(Registry)
    return registry.make_registry() if found is None else found
