"""``asem`` commands as processes of their own that wait for no start-up: forked from one that has imported everything.

Run as a script it is that one: it reads what to run, a JSON object a line, and answers with a process id and then an
exit code.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

_NEEDED = (
    "asem_core.cli.main asem_core.conversion.convert asem_core.conversion.regrid asem_core.preprocessing.whole "
    "asem_core.preprocessing.clahe asem_core.mask asem_core.labels.prepare asem_core.datasets.fetch asem_core.registry "
    "asem_core.predict asem_core.models.find asem_core.draw.mask asem_dataset_asem.cosem.importing "
    "asem_annotate.cutting asem_annotate.correcting "
    "asem_dataset_simulated.tissue.write zarr tifffile tensorstore skimage.exposure"
)


@attrs.frozen
class Ended:
    """A command that has ended."""

    code: int
    """Exit code; -9: killed."""
    told: str
    """What it wrote to standard error."""
    steps: int
    """Changes to the file system that it asked for."""
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether it was killed, instead of ending by itself."""
        return self.code == -signal.SIGKILL


class Forks:
    """The process to fork from, and how to talk to it."""

    def __init__(self, folder: Path) -> None:
        self._reports = folder
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        """End it."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def run(
        self,
        words: Sequence[object],
        folder: Path,
        *,
        step: int | None = None,
        after: float | None = None,
        fill: Path | None = None,
    ) -> Ended:
        """Run ``asem words`` in ``folder``.

        Parameters
        ----------
        step
            Kill -9 before this change to the file system, counted from 1.
        after
            Kill -9 after so many seconds.
        fill
            At ``step`` fill the disk with this file instead.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        report = self._reports / "report.json"
        log = self._reports / "stderr.txt"
        report.unlink(missing_ok=True)
        order = {
            "words": [str(word) for word in words], "folder": str(folder), "step": step, "report": str(report),
            "log": str(log), "fill": None if fill is None else str(fill),
        }  # fmt: skip
        print(json.dumps(order), file=self._server.stdin, flush=True)
        process = int(self._server.stdout.readline())
        began = time.monotonic()
        if after is not None:
            time.sleep(after)
            os.kill(process, signal.SIGKILL)
        print(file=self._server.stdin, flush=True)
        code = int(self._server.stdout.readline())
        steps = json.loads(report.read_text()) if report.exists() else 0
        return Ended(code, log.read_text(errors="replace"), steps, time.monotonic() - began)


def _serve() -> None:
    for name in _NEEDED.split():
        importlib.import_module(name)
    for line in sys.stdin:
        order = json.loads(line)
        process = os.fork()
        if process == 0:
            _obey(order)
        print(process, flush=True)
        sys.stdin.readline()  # until then it is not reaped: whoever kills it kills no other one
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


def _obey(order: dict[str, Any]) -> None:
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(order["folder"])
    sys.argv = ["asem", *order["words"]]
    steps = _count_steps(order["folder"], order["step"], order["fill"])
    code = 1
    try:
        from asem_core.cli.main import main

        main()
        code = 0
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        Path(order["report"]).write_text(json.dumps(steps[0]))
        os._exit(code)


def _count_steps(folder: str, last: int | None, fill: str | None) -> list[int]:
    """Count what is about to change in ``folder``; at ``last`` the process dies, or the disk is full."""
    counter, seen = itertools.count(1), [0]
    changes = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate")

    def watch(event: str, about: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = about
            if not (set(mode or "") & set("wax+") or flags & (os.O_WRONLY | os.O_RDWR)):
                return
        elif event in changes:
            path = about[0]
        else:
            return
        if not str(path).startswith(folder):
            return
        seen[0] = next(counter)
        if seen[0] == last and fill is None:
            os.kill(os.getpid(), signal.SIGKILL)
        elif seen[0] == last and fill is not None:
            with contextlib.suppress(OSError), open(fill, "wb", buffering=0) as film:
                while True:
                    film.write(bytes(4096))

    sys.addaudithook(watch)
    return seen


if __name__ == "__main__":
    _serve()
