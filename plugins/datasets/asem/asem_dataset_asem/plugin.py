"""Entry point: the data sets of ``cells.yaml`` and the command ``asem labels cosem``."""

from __future__ import annotations

from typing import Any

from asem_core.hookspecs import hookimpl
from asem_core.specs import DatasetSpec


@hookimpl
def asem_register_datasets() -> list[DatasetSpec]:
    """The cells of Gallusser et al. 2022 and the EPFL benchmark."""
    from asem_dataset_asem.cells import read_cells

    return read_cells()


@hookimpl
def asem_register_commands(cli: Any) -> None:
    """Add ``cosem`` to ``asem labels``."""
    from asem_dataset_asem.commands import cosem

    cli.commands["labels"].add_command(cosem)
