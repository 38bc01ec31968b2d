"""What starting ASEM costs: nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asem_core.testing.light import HEAVY

HELP = """
import sys
from asem_core.cli.main import main
sys.argv = ["asem", "--help"]
try:
    main()
except SystemExit:
    pass
"""


def _loaded_after(code: str) -> set[str]:
    report = f"{code}\nimport sys; print('loaded:', *sys.modules, file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(run.stderr.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("code", ["import asem_core", "import asem_core; asem_core.make_registry", HELP])
def test_heavy_libraries_are_not_imported(code: str) -> None:
    assert sorted(_loaded_after(code) & set(HEAVY)) == []


def test_help_answers_within_a_second() -> None:
    """Of the processor's time, the best of three: the machine may be busy with other things."""
    asem = Path(sys.executable).with_name("asem")

    def seconds() -> float:
        began = os.times()
        subprocess.run([asem, "--help"], check=True, capture_output=True)
        ended = os.times()
        return ended.children_user - began.children_user + ended.children_system - began.children_system

    assert min(seconds() for _ in range(3)) < 1.0
