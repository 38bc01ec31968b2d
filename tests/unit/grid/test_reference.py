from __future__ import annotations

import pytest

from asem_core.geometry import VoxelSize
from asem_core.grid.reference import scale_volume, scale_width


@pytest.mark.parametrize(
    ("width", "voxel_size", "expected"),
    [
        (4, (5, 5, 5), (4, 4, 4)),
        (0, (5, 5, 5), (0, 0, 0)),
        (0, (40, 4, 4), (0, 0, 0)),
        (1, (40, 4, 4), (1, 1, 1)),
        (4, (40, 4, 4), (1, 5, 5)),
        (4, (10, 10, 10), (2, 2, 2)),
        (4, (5.24, 4, 4), (4, 5, 5)),
        (3, (2, 2, 2), (8, 8, 8)),
    ],
)
def test_scale_width(width, voxel_size, expected):
    assert scale_width(width, VoxelSize(voxel_size)) == expected


def test_scale_volume_keeps_the_volume_in_nm3():
    assert scale_volume(27, VoxelSize((5, 5, 5))) == 27
    assert scale_volume(20_000, VoxelSize((4, 4, 4))) * 64 == pytest.approx(20_000 * 125)
