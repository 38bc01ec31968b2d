"""Entry point: the commands ``asem mesh`` and ``asem movie``."""

from __future__ import annotations

from typing import Any

from asem_core.hookspecs import hookimpl


@hookimpl
def asem_register_commands(cli: Any) -> None:
    """Add ``mesh`` and ``movie``."""
    from asem_mesh.commands import mesh, movie

    cli.add_command(mesh)
    cli.add_command(movie)
