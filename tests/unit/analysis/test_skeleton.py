"""Length and branching of drawn skeletons and of solid shapes."""

from __future__ import annotations

import numpy as np
import pytest

from asem_core import VoxelSize
from asem_core.analysis.objects.skeleton import measure_graph, measure_skeleton

from .views import distances, rotation

CUBE = VoxelSize((5, 5, 5))


def drawn(*lines: str):
    """Voxels of a picture, one plane."""
    return np.argwhere(np.array([[list(line) for line in lines]]) == "#")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("#",), (0, 0, 0, 0)),
        (("#####",), (1, 0, 2, 0)),
        (("##...", "..###"), (1, 0, 2, 0)),
        (("..#..", "..#..", "#####"), (3, 1, 3, 0)),
        (("#...#", ".#.#.", "..#..", "..#.."), (3, 1, 3, 0)),
        ((".##.", "#..#", "#..#", ".##."), (1, 0, 0, 1)),
        ((".##....##.", "#..####..#", ".##....##."), (3, 2, 0, 2)),
    ],
)
def test_branching(lines: tuple[str, ...], expected: tuple[int, ...]) -> None:
    found = measure_graph(drawn(*lines), voxel_size=CUBE)
    assert (found.branches, found.junctions, found.ends, found.loops) == expected


@pytest.mark.parametrize("voxel_size", [(5, 5, 5), (8, 4, 4)])
@pytest.mark.parametrize("seed", [1, 2])
def test_length_of_a_turned_ring(voxel_size, seed: int) -> None:
    shape = [round(280 / v) for v in voxel_size]
    at = np.tensordot(rotation(seed), distances(shape, voxel_size, (140, 140, 140)), 1)
    ring = (np.hypot(at[1], at[2]) - 100) ** 2 + at[0] ** 2 <= 25**2
    found = measure_skeleton(ring, voxel_size=VoxelSize(voxel_size))
    assert (found.branches, found.junctions, found.ends, found.loops) == (1, 0, 0, 1)
    assert found.length_nm == pytest.approx(2 * np.pi * 100, rel=0.02)


def test_cavities_do_not_count() -> None:
    at = distances((40, 40, 40), (5, 5, 5), (100, 100, 100))
    shell = np.abs(np.linalg.norm(at, axis=0) - 60) < 15
    found = measure_skeleton(shell, voxel_size=CUBE)
    assert found.loops == 0
    assert found.length_nm < 20
