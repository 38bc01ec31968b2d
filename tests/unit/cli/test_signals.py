"""Ctrl-C, SIGTERM, SIGHUP; standard streams that are closed or break."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ASEM = str(Path(sys.executable).with_name("asem"))
LONG = """
import hashlib, os, sys, tempfile, time
import click
from asem_core.cli import main, signals
signals.GRACE_S = 1.0

@click.command()
def work():
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
        print("ready", flush=True)
        {computation}

main.command_line = lambda: (work, None)
sys.argv[:] = ["asem", sys.argv[1]]
work.params.append(click.Argument(["folder"], expose_value=False))
main.main()
"""
DEAF = 'hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)'
"""Minutes in C: Python looks after signals when it comes back."""
HEARING = "time.sleep(60)"


def _heed_all() -> None:
    """Where the tests run under nohup or in the background, their children would ignore signals."""
    for name in ("SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def begin(computation: str, folder: Path, *before: str) -> subprocess.Popen[str]:
    code = LONG.format(computation=computation)
    run = subprocess.Popen(
        [*before, sys.executable, "-c", code, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_all,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    return run


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_stops_with_one_line_and_cleans_up(name: str, tmp_path: Path) -> None:
    number = signal.Signals[name]
    run = begin(HEARING, tmp_path)
    run.send_signal(number)
    _, said = run.communicate(timeout=30)
    assert (run.returncode, said) == (128 + number, f"asem: stopped by {name}\n")
    assert not list(tmp_path.iterdir())


def test_a_signal_is_heard_within_one_long_computation(tmp_path: Path) -> None:
    run = begin(DEAF, tmp_path)
    time.sleep(0.5)
    began = time.monotonic()
    run.send_signal(signal.SIGTERM)
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert (run.returncode, said) == (143, "asem: stopped by SIGTERM\n")


def test_nohup_is_respected(tmp_path: Path) -> None:
    run = begin("time.sleep(3)", tmp_path, "nohup")
    run.send_signal(signal.SIGHUP)
    _, said = run.communicate(timeout=30)
    assert (run.returncode, said) == (0, "")


def shell(command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env={**os.environ, "ASEM": ASEM, **environ}, timeout=60
    )


@pytest.mark.parametrize("reader", ["head -c 1", "true"])
def test_a_reader_that_leaves_is_no_error(reader: str) -> None:
    run = shell(f'"$ASEM" organelles | {reader} >/dev/null')
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed: str) -> None:
    run = shell(f'"$ASEM" organelles {closed}')
    assert (run.returncode, run.stderr) == (0, "")
    assert bool(run.stdout) == (">&-" not in closed.replace("2>&-", ""))


def test_a_file_never_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """Else what a library prints to standard error would end up in the next file that is opened, a chunk."""
    code = (
        "import os, sys; from asem_core.cli.streams import open_missing_streams; open_missing_streams(); "
        f"file = open({str(tmp_path / 'chunk')!r}, 'wb'); os.write(2, b'a warning'); print(file.fileno())"
    )
    run = shell(f'"{sys.executable}" -c "{code}" 2>&-')
    assert int(run.stdout) > 2
    assert (tmp_path / "chunk").read_bytes() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_under_standard_output_is_one_line() -> None:
    for command in ("organelles", "--help"):
        run = shell(f'"$ASEM" {command} >/dev/full')
        assert run.returncode == 2
        assert run.stderr == "asem: [Errno 28] No space left on device\n"


def test_an_error_keeps_its_exit_code_where_nobody_reads_it() -> None:
    for end in ("2>&-", "2>/dev/full"):
        assert shell(f'"$ASEM" info /nowhere {end}').returncode == 2
