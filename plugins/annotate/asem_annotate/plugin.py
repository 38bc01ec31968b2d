"""Entry point: the commands ``asem annotate ...``."""

from __future__ import annotations

from typing import Any

from asem_core.hookspecs import hookimpl


@hookimpl
def asem_register_commands(cli: Any) -> None:
    """Add ``annotate``."""
    from asem_annotate.commands import annotate

    cli.add_command(annotate)
