"""Time and memory of a task in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def measure(script: str, *words: str) -> dict[str, Any]:
    """Run ``script`` with ``words`` in a new process, which calls `report`: what that printed."""
    run = subprocess.run([sys.executable, script, *words], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{run.stderr}")
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return {**found, "said": run.stderr}


def report(task: Callable[[], object]) -> None:
    """Run ``task`` here and print its seconds, processor seconds of all threads, and the peak of resident bytes."""
    began, began_cpu = time.perf_counter(), time.process_time()
    task()
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_bytes": peak_bytes()}))


def run_asem(words: list[str]) -> None:
    """`report` of the command ``asem`` with ``words``."""
    from asem_core.cli.main import command_line

    command, registry = command_line()
    report(lambda: command(words, obj=registry, standalone_mode=False))


def peak_bytes() -> int:
    """The most resident memory that this process has had."""
    # Not getrusage: its figure is at least that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
