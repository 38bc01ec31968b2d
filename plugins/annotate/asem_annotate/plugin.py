"""Entry point: the commands ``asem annotate ...`` and ``asem proofread ...``."""

from __future__ import annotations

from typing import Any

from asem_core.hookspecs import hookimpl


@hookimpl
def asem_register_commands(cli: Any) -> None:
    """Add ``annotate`` and ``proofread``."""
    from asem_annotate.commands import annotate
    from asem_annotate.proofread.commands import proofread

    cli.add_command(annotate)
    cli.add_command(proofread)
