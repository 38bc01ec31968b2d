"""Entry point: the reader ``jeiss``."""

from __future__ import annotations

from asem_core.hookspecs import hookimpl
from asem_core.specs import ReaderSpec


@hookimpl
def asem_register_readers() -> list[ReaderSpec]:
    """Folders of ``.dat`` sections, wherever a command takes a volume."""
    return [
        ReaderSpec(
            name="jeiss",
            summary="raw sections (.dat) of Janelia's enhanced FIB-SEM, one file each",
            accepts="asem_reader_jeiss.reader:accepts",
            open="asem_reader_jeiss.reader:open_jeiss",
        )
    ]
