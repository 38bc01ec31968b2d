"""The simulated cells: same seed same bits, any box the same bits, and truth that fits the picture."""

from __future__ import annotations

import numpy as np
import pytest
from asem_dataset_simulated import Scene, SimulatedTissue, make_scene, render, simulate_tissue
from scipy.ndimage import binary_dilation, binary_erosion

from asem_core.errors import GeometryError

ISOTROPIC = (10.0, 10.0, 10.0)


@pytest.fixture(scope="module")
def cell() -> SimulatedTissue:
    return simulate_tissue((72, 72, 72), voxel_size_nm=ISOTROPIC, seed=5)


@pytest.fixture(scope="module")
def wide_scene() -> Scene:
    """Wider than one tile along x, so that boxes cross the seam at 100."""
    return make_scene((20, 20, 116), voxel_size_nm=ISOTROPIC, seed=9)


def test_types_and_shapes(cell: SimulatedTissue) -> None:
    assert cell.raw.shape == cell.mito.shape == cell.er.shape == (72, 72, 72)
    assert cell.raw.dtype == np.uint8
    assert cell.mito.dtype == np.uint32
    assert cell.er.dtype == np.uint8
    assert cell.voxel_size_nm == ISOTROPIC
    assert cell.seed == 5


def test_same_seed_same_bits() -> None:
    first, again = (simulate_tissue((32, 32, 32), seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.raw, again.raw)
    np.testing.assert_array_equal(first.mito, again.mito)
    np.testing.assert_array_equal(first.er, again.er)


def test_global_random_state_is_neither_used_nor_changed() -> None:
    before = np.random.get_state()[1].copy()
    simulate_tissue((16, 16, 16), seed=3)
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_other_seed_other_picture() -> None:
    assert np.mean(simulate_tissue((32, 32, 32), seed=3).raw != simulate_tissue((32, 32, 32), seed=4).raw) > 0.5


@pytest.fixture(scope="module")
def whole(wide_scene: Scene) -> tuple[np.ndarray, ...]:
    return render(wide_scene, ((0, 0, 0), wide_scene.shape))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_halves_equal_whole(wide_scene: Scene, whole: tuple[np.ndarray, ...], axis: int) -> None:
    cut = wide_scene.shape[axis] // 2 + 3
    middle_stop, middle_start = list(wide_scene.shape), [0, 0, 0]
    middle_stop[axis] = middle_start[axis] = cut
    first = render(wide_scene, ((0, 0, 0), middle_stop))
    second = render(wide_scene, (middle_start, wide_scene.shape))
    for a, b, c in zip(first, second, whole, strict=True):
        np.testing.assert_array_equal(np.concatenate([a, b], axis=axis), c)


def test_no_seam_between_tiles(whole: tuple[np.ndarray, ...]) -> None:
    raw = whole[0].astype(float)
    steps = np.abs(np.diff(raw, axis=2)).mean(axis=(0, 1))
    assert steps[99] < steps.max() * 1.01
    assert steps[99] < 2 * np.median(steps)


def test_labels_are_one_to_n(cell: SimulatedTissue) -> None:
    labels = np.unique(cell.mito)
    np.testing.assert_array_equal(labels, np.arange(len(labels)))
    assert len(labels) > 1


def test_mitochondria_fill_a_sensible_share(cell: SimulatedTissue) -> None:
    assert 0.02 < np.mean(cell.mito > 0) < 0.16


def test_rim_is_darker_than_both_sides(cell: SimulatedTissue) -> None:
    inside = cell.mito > 0
    rim = inside & ~binary_erosion(inside, iterations=2, border_value=1)
    matrix = binary_erosion(inside, iterations=4, border_value=1)
    outside = binary_dilation(inside, iterations=5) & ~binary_dilation(inside, iterations=2)
    assert cell.raw[rim].mean() < cell.raw[matrix].mean() < cell.raw[outside].mean()


def test_darkness_alone_does_not_find_mitochondria(cell: SimulatedTissue) -> None:
    dark = cell.raw < np.percentile(cell.raw[cell.mito > 0], 75)
    assert np.mean(cell.mito[dark] > 0) < 0.5


def test_mitochondria_do_not_cross_membranes(cell: SimulatedTissue) -> None:
    scene = make_scene(cell.raw.shape, voxel_size_nm=ISOTROPIC, seed=cell.seed)
    axes = [(np.arange(n) + 0.5) * size for n, size in zip(scene.shape, ISOTROPIC, strict=True)]
    owner, clearance = scene.cells.on_grid(axes)
    assert clearance[cell.mito > 0].min() > 15
    for tube in scene.mitochondria:
        assert np.all(owner[cell.mito == tube.label] == tube.cell)


def test_er_lies_in_cells_and_outside_mitochondria(cell: SimulatedTissue) -> None:
    scene = make_scene(cell.raw.shape, voxel_size_nm=ISOTROPIC, seed=cell.seed)
    axes = [(np.arange(n) + 0.5) * size for n, size in zip(scene.shape, ISOTROPIC, strict=True)]
    _, clearance = scene.cells.on_grid(axes)
    er = cell.er > 0
    assert 0.001 < er.mean() < 0.05
    assert not np.any(er & (cell.mito > 0))
    assert clearance[er].min() > 0


def test_er_has_a_dark_membrane(cell: SimulatedTissue) -> None:
    er = cell.er > 0
    inside = binary_erosion(er, border_value=1)
    beside = binary_dilation(er, iterations=4) & ~binary_dilation(er, iterations=2) & (cell.mito == 0)
    assert cell.raw[er & ~inside].mean() < cell.raw[beside].mean() - 10


def test_grey_values_are_like_hippocampus_fibsem(cell: SimulatedTissue) -> None:
    """EPFL hippocampus averaged to 10 nm: mean 140, standard deviation 42."""
    assert 120 < cell.raw.mean() < 165
    assert 32 < cell.raw.std() < 52
    assert np.mean((cell.raw == 0) | (cell.raw == 255)) < 0.01


@pytest.mark.parametrize("voxel_size_nm", [(16.0, 8.0, 8.0), (4.0, 4.0, 4.0)])
def test_other_voxel_sizes(voxel_size_nm: tuple[float, float, float]) -> None:
    cell = simulate_tissue((40, 48, 48), voxel_size_nm=voxel_size_nm, seed=2)
    assert cell.voxel_size_nm == voxel_size_nm
    assert 25 < cell.raw.std() < 60


@pytest.mark.parametrize("shape", [(48, 48), (48, 0, 48), (48, -1, 48), (48, 48, 4)])
def test_bad_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(GeometryError, match=r"shape: expected .* got"):
        simulate_tissue(shape, seed=1)


@pytest.mark.parametrize(
    "voxel_size_nm", [(10.0, 10.0), (2.0, 10.0, 10.0), (10.0, 10.0, 20.0), (10.0, 10.0, float("nan"))]
)
def test_bad_voxel_size(voxel_size_nm: tuple[float, ...]) -> None:
    with pytest.raises(GeometryError, match=r"voxel_size_nm: expected .* got"):
        simulate_tissue((48, 48, 48), voxel_size_nm=voxel_size_nm, seed=1)


def test_bad_seed() -> None:
    with pytest.raises(GeometryError, match=r"seed: expected .* got"):
        simulate_tissue((48, 48, 48), seed=-1)


@pytest.mark.parametrize("box", [((0, 0, 0), (20, 20, 117)), ((5, 0, 0), (5, 20, 116)), ((0, 0), (20, 20))])
def test_bad_box(wide_scene: Scene, box: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(GeometryError, match=r"box: expected .* got"):
        render(wide_scene, box)
