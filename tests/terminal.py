"""A command on a real terminal, and what it draws there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

import attrs


@attrs.frozen
class Shown:
    """What a command wrote to its terminal."""

    written: str
    exit_code: int

    @property
    def text(self) -> str:
        """All of it, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.written)

    @property
    def colours(self) -> list[str]:
        """Colours of the text."""
        return re.findall(r"\x1b\[(?:\d+;)*[34]\d(?:;\d+)*m", self.written)


def on_terminal(command: Sequence[str], *, columns: int = 100, environ: Mapping[str, str] | None = None) -> Shown:
    """Run ``command`` on a pseudo-terminal of its own."""
    import fcntl
    import pty
    import struct
    import termios

    settings = {"TERM": "xterm-256color", **(environ or {})}
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        os.login_tty(theirs)
        os.execvpe(command[0], list(command), {**clean, **settings})
    os.close(theirs)
    pieces = []
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not data:
            break
        pieces.append(data)
    os.close(ours)
    return Shown(b"".join(pieces).decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
