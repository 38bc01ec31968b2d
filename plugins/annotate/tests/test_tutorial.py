"""The tutorial of docs/annotate.md, run as it stands on a small cube, from a model that knows nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asem_core import open_labels, open_volume

from .toy import write_toy

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "docs" / "scripts" / "annotate.sh"
COMMANDS = re.compile(r"^(asem|python) .*", re.MULTILINE)


def tutorial(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(["sh", str(SCRIPT), *map(str, words)], capture_output=True, text=True,
                          env={**os.environ, "PATH": path, **more})  # fmt: skip


@pytest.mark.slow
def test_from_a_raw_cube_to_a_fine_tuned_model(tmp_path: Path) -> None:
    toy, out = write_toy(tmp_path / "toy"), tmp_path / "out"
    run = tutorial(out, SHAPE="70,150,150", FINETUNE=f"--iterations 1 --keep --model {toy}")
    assert run.returncode == 0, run.stderr
    painted = open_volume(out / "seeds.zarr")
    seeds = painted.read(painted.box)
    truth = open_labels(out / "cell.zarr", "mito")
    inside = truth.read(truth.box) != 0
    assert inside[seeds == 2].all()
    assert not inside[seeds == 1].any()
    assert np.flatnonzero(seeds.any(axis=(1, 2))).tolist() == list(range(4, 70, 8))
    scores = json.loads((out / "cut.json").read_text())
    assert scores["without_zone"]["f1"] > 0.7
    assert (out / "run" / "model" / "rdf.yaml").is_file()
    assert 0 <= json.loads((out / "scores.json").read_text())["without_zone"]["f1"] <= 1
    assert (out / "annotate.png").stat().st_size > 10_000
    assert open_volume(out / "mito.zarr").shape == (70, 150, 150)


def test_the_page_shows_the_commands_of_the_script() -> None:
    """In the same order; options that only a test needs left out."""
    page = (ROOT / "docs" / "annotate.md").read_text().partition("## Tutorial")[2].partition("\n## ")[0]
    shown = [line.partition("  ")[0].strip() for block in re.findall(r"```\n(.*?)```", page, re.DOTALL)
             for line in block.splitlines()]  # fmt: skip
    assert shown
    plain = SCRIPT.read_text().replace('"$here/', '"docs/scripts/').replace('"', "")
    run = [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", found.group()) for found in COMMANDS.finditer(plain)]
    assert shown == [re.sub(r" --json > \w+\.json$", "", command) for command in run]


def test_too_few_words_say_what_is_missing() -> None:
    run = tutorial()
    assert run.returncode == 2
    assert "sh annotate.sh OUT" in run.stderr
