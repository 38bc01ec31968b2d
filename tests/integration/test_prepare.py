"""The documented script, from TIFF sections to TIFF sections, run as it stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from asem_core import open_labels, open_volume

from ..forks import Forks

pytestmark = pytest.mark.slow


def sections(folder: Path) -> npt.NDArray[Any]:
    return np.stack([tifffile.imread(path) for path in sorted(folder.glob("*.tif"))])


def environment(**more: str) -> dict[str, str]:
    """That of a user whose shell finds ``asem``."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **more}


def prepare(root: Path, *words: object, **more: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(root / "docs" / "scripts" / "prepare.sh"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(**more))


def check(out: Path, raw: Path, labels: Path, *, roi: tuple[slice, slice, slice], f1: float) -> None:
    """The outputs agree with each other and with what went in."""
    cell, mask = open_volume(out / "cell.zarr"), open_volume(out / "mask.zarr")
    np.testing.assert_array_equal(cell.read(cell.box), sections(raw))
    truth = open_volume(out / "truth.zarr")
    assert np.mean((truth.read(truth.box) != 0) == (sections(labels) != 0)) > 0.999  # crumbs go, nothing is dilated
    assert open_volume(out / "equalised.zarr").shape == cell.shape
    found, back = open_labels(out / "mito.zarr", "mito"), sections(out / "mito_sections")
    segmented = found.read(found.box)
    np.testing.assert_array_equal(back[roi], segmented)
    assert np.count_nonzero(back) == np.count_nonzero(segmented)
    assert not segmented[mask.read(mask.box)[roi] == 0].any()
    assert 0 < mask.read(mask.box).mean() <= 1
    names = [path.name for path in sorted((out / "mito_sections").glob("*.tif"))]
    assert names == [path.name for path in sorted(raw.glob("*.tif"))]
    scores = json.loads((out / "scores.json").read_text())
    assert scores["with_zone"]["f1"] >= f1
    assert all((out / name).stat().st_size > 10_000 for name in ("equalised.png", "mask.png"))


def test_simulated_tissue(root: Path, forks: Forks, tmp_path: Path) -> None:
    cell, raw, labels, out = (tmp_path / name for name in ("cell.zarr", "raw", "labels", "out"))
    for words in (
        ("simulate", cell, "--shape", "60,64,124"),
        ("convert", cell, raw),
        ("convert", cell, labels, "--organelle", "mito"),
    ):
        ended = forks.run(words, tmp_path)
        assert ended.code == 0, ended.told
    run = prepare(root, raw, labels, "10,10,10", out, "0:50,0:64,10:124", MASK_HIGH="250")
    assert run.returncode == 0, run.stderr
    check(out, raw, labels, roi=np.s_[0:50, 0:64, 10:124], f1=0.5)
    again = prepare(root, raw, labels, "10,10,10", out)
    assert again.returncode != 0
    assert "File exists" in again.stderr


def test_too_few_words_say_what_is_missing(root: Path) -> None:
    run = prepare(root, "raw")
    assert run.returncode == 2
    assert "RAW LABELS VOXEL_SIZE OUT [ROI]" in run.stderr


@pytest.mark.real_data
def test_a_cut_of_the_real_volume(root: Path, real_data: Path, tmp_path: Path) -> None:
    for name in ("raw", "mito"):
        (tmp_path / name).mkdir()
        for path in sorted((real_data / "epfl_hippocampus" / name).glob("*.tif"))[40:88]:
            tifffile.imwrite(tmp_path / name / path.name, tifffile.imread(path)[280:408, 560:688])
    out = tmp_path / "out"
    run = prepare(root, tmp_path / "raw", tmp_path / "mito", "5,5,5", out, "4:44,0:128,0:120", MASK_HIGH="250")
    assert run.returncode == 0, run.stderr
    check(out, tmp_path / "raw", tmp_path / "mito", roi=np.s_[4:44, 0:128, 0:120], f1=0.5)
