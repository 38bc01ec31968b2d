"""By what a step knows that nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest

from asem_core.errors import ProjectError
from asem_core.geometry import VoxelSize
from asem_core.project.records import digest_of
from asem_core.project.steps import Step
from asem_core.volume.volume import Volume

STEP = Step(volume="one", name="evaluate toy", output=Path("scores.json"), make=dict, request={})


def test_where_volumes_lie_is_part_of_what_a_step_depends_on(as_volume: Callable[..., Volume]) -> None:
    volume = as_volume(np.zeros((2, 3, 4), np.uint8))
    moved = attrs.evolve(volume, lower_edge_nm=(0.0, 0.0, 20.0))
    stretched = attrs.evolve(volume, voxel_size=VoxelSize((20.0, 10.0, 10.0)))
    placed = attrs.evolve(volume, states_place=True)
    steps = [attrs.evolve(STEP, reads=(lambda read=read: read,)) for read in (volume, moved, stretched, placed)]
    assert len(set(map(digest_of, steps))) == 4


def test_what_is_in_a_file_is_part_of_what_a_step_depends_on(tmp_path: Path) -> None:
    table = tmp_path / "review.csv"
    step = attrs.evolve(STEP, files=(table,))
    table.write_text("pit,verdict\n")
    before = digest_of(step)
    table.write_text("pit,verdict\n1,reject\n")
    assert digest_of(step) != before
    table.unlink()
    with pytest.raises(ProjectError, match=r"review\.csv: cannot be read \(No such file"):
        digest_of(step)
