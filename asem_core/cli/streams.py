"""Standard streams as a caller may leave them: closed, or broken before all is written."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn


def open_missing_streams() -> None:
    """Put the null device where standard input, output or error is closed.

    Otherwise the next file that is opened, a chunk for example, gets its number, and what any library prints goes in
    there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest number that is free is the missing one: they are opened in order.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def fail(message: str, exit_code: int) -> NoReturn:
    """Leave with one line on standard error, wherever standard output ends."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"asem: {' '.join(message.split())}\n")
        sys.stderr.flush()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # Else the interpreter tries once more at its end, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(exit_code)
