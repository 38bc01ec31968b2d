"""Entry point: the command ``asem mesh``."""

from __future__ import annotations

from typing import Any

from asem_core.hookspecs import hookimpl


@hookimpl
def asem_register_commands(cli: Any) -> None:
    """Add ``mesh``."""
    from asem_mesh.commands import mesh

    cli.add_command(mesh)
