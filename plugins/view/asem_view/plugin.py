"""Entry point: the command ``asem view``."""

from __future__ import annotations

from typing import Any

from asem_core.hookspecs import hookimpl


@hookimpl
def asem_register_commands(cli: Any) -> None:
    """Add ``view``."""
    from asem_view.commands import view

    cli.add_command(view)
