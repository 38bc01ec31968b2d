"""Listing a plugin is light, or it is said what it does; plugins are installed as folders with their metadata."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from asem_core.testing import Finding, light

HOOKS = """
from asem_core.hookspecs import hookimpl
@hookimpl
def asem_register_readers():
    return []
"""
WRONG = {
    "listing imports no array library": ("import numpy", "numpy"),
    "listing prints nothing": ("print('hello')", "prints 'hello'"),
    f"listing takes less than {light.MOST_SECONDS} s": (
        "import time\nbegan = time.process_time()\nwhile time.process_time() < began + 0.3: pass", "of the processor's",
    ),
}  # fmt: skip


@pytest.fixture
def findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Finding]]:
    """What is found of a plugin whose module begins with the given lines."""

    def of(lines: str) -> dict[str, Finding]:
        info = tmp_path / "asem_light-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: asem-light\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[asem]\nlight = light_toy\n")
        (tmp_path / "light_toy.py").write_text(textwrap.dedent(lines) + HOOKS)
        monkeypatch.syspath_prepend(tmp_path)
        return {check.name: check.perform() for check in light.light_checks("light")}

    return of


@pytest.mark.slow
def test_a_good_one_passes(findings: Callable[[str], dict[str, Finding]]) -> None:
    assert {finding.state for finding in findings("").values()} == {"passed"}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_one_fails(findings: Callable[[str], dict[str, Finding]], name: str) -> None:
    lines, says = WRONG[name]
    found = findings(lines)
    assert says in found[name].problems[0]
    # numpy is not imported in no time
    assert {n for n, f in found.items() if f.problems} - {f"listing takes less than {light.MOST_SECONDS} s"} <= {name}


@pytest.mark.slow
def test_one_that_ends_the_process(findings: Callable[[str], dict[str, Finding]]) -> None:
    found = findings("import os; os._exit(3)")
    assert {f.problems[0] for f in found.values()} == {
        "listing it ends the process (exit code 3): do nothing at import"
    }


def test_core_is_not_asked() -> None:
    assert {check.perform().state for check in light.light_checks("asem-core")} == {"skipped"}
