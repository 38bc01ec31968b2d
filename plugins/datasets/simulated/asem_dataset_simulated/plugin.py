"""Entry point: the commands ``asem simulate`` and ``asem demo``, and the named cells as data sets."""

from __future__ import annotations

from typing import Any

from asem_core.hookspecs import hookimpl
from asem_core.specs import DatasetSpec


@hookimpl
def asem_register_datasets() -> list[DatasetSpec]:
    """The parts of the named cells."""
    from asem_dataset_simulated.datasets import named_datasets

    return named_datasets()


@hookimpl
def asem_register_commands(cli: Any) -> None:
    """Add ``simulate`` and ``demo``."""
    from asem_dataset_simulated.commands import demo, simulate

    cli.add_command(simulate)
    cli.add_command(demo)
