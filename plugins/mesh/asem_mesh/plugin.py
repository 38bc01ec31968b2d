"""Entry point: the commands ``asem mesh`` and ``asem movie``, and a figure for the page of ``asem report``."""

from __future__ import annotations

from typing import Any

from asem_core.hookspecs import hookimpl
from asem_core.specs import FigureSpec


@hookimpl
def asem_register_commands(cli: Any) -> None:
    """Add ``mesh`` and ``movie``."""
    from asem_mesh.commands import mesh, movie

    cli.add_command(mesh)
    cli.add_command(movie)


@hookimpl
def asem_register_figures() -> list[FigureSpec]:
    """The largest objects."""
    return [
        FigureSpec(
            name="largest",
            summary="the largest objects",
            analyses=("objects",),
            draw="asem_mesh.largest.figure:draw_largest",
        )
    ]
