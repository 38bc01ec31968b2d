"""Ctrl-C, SIGTERM and SIGHUP: each stops a command with one line and exit code 128 + its number."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from threading import Event, Thread
from types import FrameType

GRACE_S = 10.0
"""After this a command that is still inside one long computation is ended there: what is written so far is safe."""


_said = Event()


class Stopped(BaseException):
    """A signal came. No `Exception`, so that no block takes it for a failure of its own."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number

    def say(self) -> None:
        """One line on standard error, whoever says it first."""
        if not _said.is_set():
            _said.set()
            with suppress(OSError, ValueError):
                # A bar that was not taken down has hidden the cursor.
                clean = "\r\x1b[K\x1b[?25h" if sys.stderr.isatty() else ""
                sys.stderr.write(f"{clean}asem: {self}\n")
                sys.stderr.flush()


def heed_signals() -> None:
    """From now on raise `Stopped` in the main thread, once; end the process where that is not heard for `GRACE_S`.

    Signals that are ignored stay so: SIGHUP under nohup, Ctrl-C for what a script runs in the background.
    """
    wanted = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heeded = [each for each in wanted if signal.getsignal(each) in (signal.SIG_DFL, signal.default_int_handler)]

    def stop(number: int, frame: FrameType | None) -> None:
        for each in heeded:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    # Python calls ``stop`` between two of its own instructions only; the wake-up comes at once.
    awake, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    Thread(target=_see_to_it, args=(awake, wake, heeded), name="signals", daemon=True).start()
    for each in heeded:
        signal.signal(each, stop)


def _see_to_it(awake: socket.socket, wake: socket.socket, heeded: list[int]) -> None:
    number = next(byte[0] for byte in iter(lambda: awake.recv(1), b"") if byte[0] in heeded)
    time.sleep(GRACE_S)
    stopped = Stopped(number)
    stopped.say()
    os._exit(stopped.exit_code)
