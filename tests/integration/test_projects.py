"""The documented project, run as it stands."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from asem_core.project import read_project

pytestmark = pytest.mark.slow


def asem(*words: str, folder: Path) -> str:
    ran = subprocess.run([Path(sys.executable).with_name("asem"), *words], capture_output=True, text=True, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_documented_project(root: Path, tmp_path: Path) -> None:
    example = Path(shutil.copy(root / "docs" / "scripts" / "cells.yaml", tmp_path))
    for line in re.findall(r"^#   asem (.*)$", example.read_text(), re.MULTILINE):
        asem(*shlex.split(line), folder=tmp_path)
    told = asem("run", "cells.yaml", folder=tmp_path)
    assert "12 steps (12 done); summary.csv, report.html" in told
    with (tmp_path / "results" / "summary.csv").open(newline="") as file:
        rows = {(row["volume"], row["organelle"]): row for row in csv.DictReader(file)}
    assert float(rows["chemical", "mito"]["F1 without zone"]) > 0.8
    assert float(rows["frozen", "er"]["F1 without zone"]) > 0.6
    assert "12 steps (12 unchanged)" in asem("run", "cells.yaml", folder=tmp_path)


def test_the_page_shows_that_file(root: Path, tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (root / "docs" / "projects.md").read_text(), re.DOTALL)
    assert yaml.safe_load(block) == yaml.safe_load((root / "docs" / "scripts" / "cells.yaml").read_text())
    (tmp_path / "project.yaml").write_text(block)
    assert set(read_project(tmp_path / "project.yaml").volumes) == {"chemical", "frozen"}
