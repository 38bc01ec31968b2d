"""Entry point: data sets (``cells.yaml``), published checkpoints (``models.yaml``), and ``asem labels cosem``."""

from __future__ import annotations

from typing import Any

from asem_core.hookspecs import hookimpl
from asem_core.specs import CheckpointSpec, DatasetSpec


@hookimpl
def asem_register_datasets() -> list[DatasetSpec]:
    """The cells of Gallusser et al. 2022 and the EPFL benchmark."""
    from asem_dataset_asem.cells import read_cells

    return read_cells()


@hookimpl
def asem_register_checkpoints() -> list[CheckpointSpec]:
    """The seven checkpoints that the authors of Gallusser et al. 2022 published."""
    from asem_dataset_asem.models import read_models

    return read_models()


@hookimpl
def asem_register_commands(cli: Any) -> None:
    """Add ``cosem`` to ``asem labels``."""
    from asem_dataset_asem.commands import cosem

    cli.commands["labels"].add_command(cosem)
