"""How far work is: on a terminal, in a file, and where nobody listens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime
from itertools import groupby
from pathlib import Path

import pytest

from asem_core.cli.progress import Pace, duration, line_of
from tests.terminal import on_terminal

WORK = """
import logging, sys, time
logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
from asem_core.cli import progress
progress.LINE_EVERY_S, progress.ALIVE_EVERY_S = {every}, {alive}
with progress.progress_bar() as report:
    {body}
print("result")
"""
TWO_STAGES = """
    report("predict", 90, 96)
    for done in range(91, 97):
        time.sleep(0.15)
        report("predict", done, 96, f"loss 0.{done}")
        if done == 93: logging.getLogger("x").warning("block 93 is odd")
    report("nothing", 0, 0)
    report("pyramid", 0, 2)
    report("pyramid", 2, 2)
    report("pyramid", 2, 2)
"""
SLOW = """
    time.sleep(1.3)
    report("predict", 0, 2)
    time.sleep(2)
    report("predict", 2, 2)
    time.sleep(1.3)
"""
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")


def script(folder: Path, body: str, *, every: float = 10, alive: float = 60) -> list[str]:
    path = folder / "work.py"
    path.write_text(WORK.format(body=body.strip(), every=every, alive=alive))
    return [sys.executable, str(path)]


def lines(folder: Path, body: str, **settings: float) -> list[str]:
    """What goes to a standard error that is a pipe; each line checked for its time stamp, which is cut off."""
    run = subprocess.run(script(folder, body, **settings), capture_output=True, text=True, check=True)
    assert run.stdout == "result\n"
    found = []
    for line in run.stderr.splitlines():
        stamp, _, rest = line.partition(" ")
        if STAMP.fullmatch(stamp):
            assert abs((datetime.now().astimezone() - datetime.fromisoformat(stamp)).total_seconds()) < 60
            line = rest
        found.append(line)
    return found


def test_a_resumed_stage_is_judged_by_the_blocks_of_this_run() -> None:
    pace = Pace.begin("predict", 900, 1000, now=100.0)
    assert pace.left(160.0) is None, "nothing is known yet"
    pace = pace.after(901, 1000, now=160.0)
    assert pace.left(160.0) == pytest.approx(99 * 60)
    assert pace.left(190.0) == pytest.approx(98.5 * 60), "it goes down within a block"
    assert pace.left(900.0) == pytest.approx(98 * 60), "a block that takes long does not make the others faster"
    pace = pace.after(920, 1000, now=300.0)
    assert pace.left(300.0) == pytest.approx(80 * 10)
    assert pace.after(1000, 1000, now=1100.0).left(1100.0) == 0.0


def test_percent_is_100_at_the_end_only() -> None:
    assert [Pace.begin("s", done, 1000, now=0.0).percent for done in (0, 9, 999, 1000)] == [0, 0, 99, 100]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00:00"), (59.6, "0:01:00"), (3725, "1:02:05"), (360000, "100:00:00")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_line_says_stage_count_percent_note_speed_and_eta() -> None:
    pace = Pace.begin("train", 0, 4000, now=0.0).after(120, 4000, now=60.0, note="loss 0.1234")
    assert line_of(pace, 60.0) == "train 120/4000 3 % in 0:01:00, loss 0.1234, 2/s, ETA 0:32:20"
    slow = Pace.begin("predict", 0, 8, now=0.0).after(1, 8, now=240.0)
    assert line_of(slow, 240.0) == "predict 1/8 12 % in 0:04:00, 15/h, ETA 0:28:00"


def test_a_file_gets_start_and_end_of_each_stage(tmp_path: Path) -> None:
    found = lines(tmp_path, TWO_STAGES)
    found = [re.sub(r"in 0:00:0\d", "in T", re.sub(r"[\d.]+/(s|min|h)$", "V", line)) for line in found]
    assert found == [
        "predict 90/96 93 %",
        "WARNING block 93 is odd",
        "predict 96/96 100 % in T, loss 0.96, V",
        "pyramid 0/2 0 %",
        "pyramid 2/2 100 % in T, V",
    ]


def test_a_file_gets_lines_between_no_more_often_than_said(tmp_path: Path) -> None:
    every = 0.4
    found = [line for line in lines(tmp_path, TWO_STAGES, every=every) if line.startswith("predict")]
    took = int(found[-1].partition(" in 0:00:")[2][:2]) + 0.5  # it was rounded
    assert 3 <= len(found) <= 2 + took / every
    assert "ETA 0:00:0" in found[1]


def test_work_that_takes_long_says_that_it_goes_on(tmp_path: Path) -> None:
    found = [re.sub(r"0:00:0\d.*", "T", line) for line in lines(tmp_path, SLOW, alive=0.3)]
    assert [line for line, _ in groupby(found)] == [
        "still at work, T",
        "predict 0/2 0 %",
        "predict 0/2 0 % in T",
        "predict 2/2 100 % in T",
        "still at work, T",
    ]
    assert len(found) > 5, "again and again"


def test_a_terminal_gets_a_bar_that_moves_while_a_block_takes_long(tmp_path: Path) -> None:
    shown = on_terminal(script(tmp_path, SLOW), columns=120)
    assert shown.exit_code == 0
    assert re.search(r"[-\\|/] at work .*0:00:01", shown.text)
    assert re.search(r"[-\\|/] predict .*━.* 0/2 0 % .*0:00:01", shown.text)
    assert len(set(re.findall(r"([-\\|/]) predict [^\r]* 0/2 0 %", shown.text))) > 1, "it turns"
    assert "predict 2/2 100 % in 0:00:0" in shown.text
    assert shown.text.rstrip().endswith("result")
    assert shown.text.count("\x1b[?25h") == shown.text.count("\x1b[?25l") == 1, "the cursor comes back"


def test_a_terminal_shows_a_sensible_eta_for_a_resumed_run_and_logs_above_the_bar(tmp_path: Path) -> None:
    shown = on_terminal(script(tmp_path, TWO_STAGES), columns=120)
    assert "90/96 93 %" in shown.text
    assert all(eta.startswith("0:00:0") for eta in re.findall(r"ETA (\S+)", shown.text))
    assert re.search(r"9\d/96 9\d % loss 0\.9\d, \S+/(s|min) 0:00:0\d ETA", shown.text)
    assert re.search(r"\r\x1b\[2KWARNING block 93 is odd\r\n", shown.text)
    assert re.search(r"predict 96/96 100 % in 0:00:0\d, loss 0.96, \S+\r\n", shown.text)


@pytest.mark.parametrize("columns", [20, 70])
def test_a_narrow_terminal_keeps_to_one_line(tmp_path: Path, columns: int) -> None:
    shown = on_terminal(script(tmp_path, TWO_STAGES), columns=columns)
    assert shown.exit_code == 0
    assert "\x1b[1A" not in shown.text, "it never has to go up: nothing is wrapped"
    drawn = re.split(r"\r\x1b\[2K|\r\n", re.sub(r"\x1b\[\?25[lh]", "", shown.text))
    assert max(map(len, drawn)) <= columns
    assert (re.search(r" 9\d/96 9\d % ", shown.text) is not None) == (columns > 20)


def test_no_color(tmp_path: Path) -> None:
    assert on_terminal(script(tmp_path, TWO_STAGES)).colours
    plain = on_terminal(script(tmp_path, TWO_STAGES), environ={"NO_COLOR": "1"})
    assert not plain.colours
    assert "━" in plain.text


def test_a_terminal_that_cannot_redraw_gets_lines(tmp_path: Path) -> None:
    shown = on_terminal(script(tmp_path, TWO_STAGES), environ={"TERM": "dumb"})
    assert "\x1b" not in shown.text
    assert "predict 96/96 100 %" in shown.text
    assert STAMP.match(shown.text)


def test_forced_colour_does_not_make_a_bar_in_a_file(tmp_path: Path) -> None:
    environ = {**os.environ, "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}
    run = subprocess.run(script(tmp_path, TWO_STAGES), capture_output=True, text=True, check=True, env=environ)
    assert "\x1b" not in run.stderr
    assert "\r" not in run.stderr


@pytest.mark.parametrize("end", ["2>&-", "2>/dev/full", "2> >(exec head -1 >/dev/null)"])
def test_work_goes_on_where_nobody_listens(tmp_path: Path, end: str) -> None:
    command = " ".join(f"'{part}'" for part in script(tmp_path, TWO_STAGES, every=0))
    run = subprocess.run(["bash", "-c", f"{command} {end}"], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "result\n")
