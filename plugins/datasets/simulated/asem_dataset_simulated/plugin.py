"""Entry point: the commands ``asem simulate`` and ``asem demo``."""

from __future__ import annotations

from typing import Any

from asem_core.hookspecs import hookimpl


@hookimpl
def asem_register_commands(cli: Any) -> None:
    """Add ``simulate`` and ``demo``."""
    from asem_dataset_simulated.commands import demo, simulate

    cli.add_command(simulate)
    cli.add_command(demo)
