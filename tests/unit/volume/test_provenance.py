"""What outputs say of how they were made, and that section numbers survive every stage on raw's grid."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from asem_core.cli.convert import convert
from asem_core.cli.labels import labels
from asem_core.cli.mask import mask
from asem_core.cli.preprocess import preprocess
from asem_core.geometry import Box, VoxelSize
from asem_core.volume import open_volume
from asem_core.volume.provenance import provenance

STAGES = {
    "convert": (convert, ["{}", "{}", "--roi", "2:10,0:16,0:20"], 42),
    "preprocess": (preprocess, ["{}", "-o", "{}", "--stage", "equalize_histogram"], 40),
    "mask": (mask, ["{}", "-o", "{}", "--high", "256", "--min-object", "0"], 40),
    "labels prepare": (labels, ["prepare", "{}", "--organelle", "mito", "-o", "{}"], 40),
}


@pytest.fixture
def sections(tmp_path: Path) -> Path:
    """Twelve sections of 5 nm, numbered from 40."""
    folder = tmp_path / "sections"
    folder.mkdir()
    values = np.array([3, 120, 250], np.uint8)  # few: for some verbs they are labels
    for z, section in enumerate(np.random.default_rng(0).choice(values, (12, 16, 20)), start=40):
        tifffile.imwrite(folder / f"section_{z:04d}.tif", section)
    return folder


@pytest.mark.parametrize("stage", STAGES)
def test_section_numbers_come_back(stage: str, sections: Path, tmp_path: Path) -> None:
    command, words, first = STAGES[stage]
    places = iter([str(sections), str(tmp_path / "out.zarr")])
    arguments = [next(places) if word == "{}" else word for word in words]
    done = CliRunner().invoke(command, [*arguments, "--voxel-size", "5"])
    assert done.exit_code == 0, done.output
    back = CliRunner().invoke(convert, [str(tmp_path / "out.zarr"), str(tmp_path / "back")])
    assert back.exit_code == 0, back.output
    assert min(path.name for path in (tmp_path / "back").glob("*.tif")) == f"section_{first:04d}.tif"


def test_what_is_said(sections: Path) -> None:
    volume = open_volume(sections, voxel_size=VoxelSize((5, 5, 5)))
    said = provenance("asem test", volume, part=Box((3, 0, 0), (5, 16, 20)), params={"clip": 0.1}, notes=["own"])
    assert json.loads(json.dumps(said)) == said
    assert (said["made_by"], said["roi"], said["first_section"]) == ("asem test", "3:5,0:16,0:20", 43)
    assert said["source"]["uri"] == str(sections)
    assert said["source_shape"] == [12, 16, 20]
    assert said["params"] == {"clip": 0.1}
    assert said["notes"] == ["own"]
