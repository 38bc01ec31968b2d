"""The grid that a volume is sampled on."""

from __future__ import annotations

from collections.abc import Sequence

from asem_core.errors import GeometryError

MIN_VOXEL_NM, MAX_VOXEL_NM = 3.0, 16.0
MIN_SIDE_NM = 160.0
Triple = tuple[int, int, int]
VoxelSize = tuple[float, float, float]


def check_geometry(shape: Sequence[int], voxel_size_nm: Sequence[float]) -> tuple[Triple, VoxelSize]:
    """Shape and voxel size as plain tuples; GeometryError where they cannot be simulated."""
    if len(shape) != 3 or any(int(n) != n or n < 1 for n in shape):
        raise GeometryError(f"shape: expected three positive integers (z, y, x), got {tuple(shape)!r}")
    size = tuple(float(v) for v in voxel_size_nm)
    if len(size) != 3 or not all(MIN_VOXEL_NM <= v <= MAX_VOXEL_NM for v in size):
        raise GeometryError(
            f"voxel_size_nm: expected three numbers from {MIN_VOXEL_NM:g} to {MAX_VOXEL_NM:g} (z, y, x), got {size!r}"
        )
    if any(n * v < MIN_SIDE_NM for n, v in zip(shape, size, strict=True)):
        raise GeometryError(
            f"shape: expected every side at least {MIN_SIDE_NM:g} nm, got {tuple(shape)!r} voxels of {size!r} nm"
        )
    z, y, x = (int(n) for n in shape)
    return (z, y, x), (size[0], size[1], size[2])
