"""The pure parts: masks, surface, axes, ring, blur, statistics."""

from __future__ import annotations

import numpy as np
import pytest
from asem_analysis_pores.masks import Masks, merge_fragments, off_surface, small_masks
from asem_analysis_pores.membrane import fit_membrane
from asem_analysis_pores.normals import pore_axes
from asem_analysis_pores.params import Pores
from asem_analysis_pores.patch import sample_patch, tangent_frame
from asem_analysis_pores.ring import find_ring
from asem_analysis_pores.spatial import nearest_distance, spatial_correlation
from asem_analysis_pores.statistics import describe
from asem_analysis_pores.surface import envelope, split_nuclei
from scipy import ndimage
from scipy.special import ndtr

from asem_core import Volume, VoxelSize

AXES_NM = np.array([1600.0, 1300.0, 2000.0])


def on_ellipsoid(count: int, seed: int = 0) -> np.ndarray:
    """Points that keep a distance, as pores do."""
    rng = np.random.default_rng(seed)
    points: list[np.ndarray] = []
    while len(points) < count:
        direction = rng.normal(size=3)
        point = direction / np.linalg.norm(direction) * AXES_NM
        if all(np.linalg.norm(point - other) > 165 for other in points):
            points.append(point)
    return np.array(points)


def true_normals(points: np.ndarray) -> np.ndarray:
    normal = points / AXES_NM**2
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def masks_at(points: np.ndarray, volume: float = 4e5) -> Masks:
    n = len(points)
    return Masks(
        volume_nm3=np.full(n, volume),
        centre_nm=points,
        covariance_nm2=np.tile(np.diag([280.0, 530, 530]), (n, 1, 1)),
        at_border=np.zeros(n, np.bool_),
        parts=np.ones(n, np.int64),
    )


def test_fragments_are_merged_as_if_they_were_one_mask() -> None:
    whole = np.argwhere(np.ones((4, 10, 10))) * 5.0
    left, right = whole[whole[:, 2] < 20], whole[whole[:, 2] >= 20]
    parts = Masks(
        volume_nm3=np.array([125.0 * len(left), 1000.0, 125.0 * len(right)]),
        centre_nm=np.array([left.mean(axis=0), [900.0, 0, 0], right.mean(axis=0)]),
        covariance_nm2=np.array([np.cov(left.T, bias=True), np.eye(3), np.cov(right.T, bias=True)]),
        at_border=np.array([False, False, True]),
        parts=np.array([1, 1, 1]),
    )
    merged = merge_fragments(parts, 60.0)
    np.testing.assert_allclose(merged.centre_nm[0], whole.mean(axis=0))
    np.testing.assert_allclose(merged.covariance_nm2[0], np.cov(whole.T, bias=True))
    assert merged.parts.tolist() == [2, 1]
    assert merged.at_border.tolist() == [True, False]
    assert merged.volume_nm3.tolist() == [125.0 * len(whole), 1000.0]


def test_masks_just_as_far_as_the_limit_stay_apart() -> None:
    assert len(merge_fragments(masks_at(np.array([[0.0, 0, 0], [60, 0, 0]])), 60.0)) == 2


def test_small_masks() -> None:
    masks = masks_at(np.zeros((9, 3)))
    masks.volume_nm3[3] *= 0.2
    masks.covariance_nm2[5] *= 0.2
    assert np.flatnonzero(small_masks(masks, min_volume=0.25, min_axis=0.5)).tolist() == [3, 5]


def test_outliers_off_the_envelope_only() -> None:
    points = on_ellipsoid(200)
    points[[10, 50]] *= 0.75
    off = off_surface(points, neighbours=8, mad=3.0, steepness=0.4)
    assert np.flatnonzero(off).tolist() == [10, 50]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_points_have_no_outliers(count: int) -> None:
    assert not off_surface(on_ellipsoid(max(count, 1))[:count], neighbours=8, mad=3.0, steepness=0.4).any()


def test_closed_surface_and_normals() -> None:
    points = on_ellipsoid(250)
    triangles = envelope(points)
    assert len(np.unique(triangles)) >= 0.95 * len(points)
    axes = pore_axes(points, mask_axis=np.zeros((250, 3)), neighbours=8)
    angle = np.degrees(np.arccos(np.clip((axes.normal * true_normals(points)).sum(axis=1), -1, 1)))
    assert np.percentile(angle, 90) < 12
    assert axes.source.count("surface") > 240


def test_partial_nucleus() -> None:
    points = on_ellipsoid(250)
    points = points[points[:, 1] > 400]
    axes = pore_axes(points, mask_axis=true_normals(points), neighbours=8)
    angle = np.degrees(np.arccos(np.clip(np.abs((axes.normal * true_normals(points)).sum(axis=1)), 0, 1)))
    assert np.percentile(angle, 90) < 15
    assert "neighbours" in axes.source


def test_two_nuclei() -> None:
    one = on_ellipsoid(100)
    points = np.concatenate([one, one + np.array([0, 0, 9000])])
    axes = pore_axes(points, mask_axis=np.zeros((200, 3)), neighbours=8)
    assert axes.nucleus.tolist() == [0] * 100 + [1] * 100
    np.testing.assert_allclose(axes.normal[:100], axes.normal[100:], atol=1e-6)


def test_flat_patch_is_seen_along_its_own_normal() -> None:
    rng = np.random.default_rng(3)
    flat = np.c_[np.full(25, 700.0), rng.uniform(0, 2000, (25, 2))]
    axes = pore_axes(flat, mask_axis=np.zeros((25, 3)), neighbours=8)
    assert set(axes.source) == {"neighbours"}
    np.testing.assert_allclose(np.abs(axes.normal[:, 0]), 1)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_for_a_plane_take_the_axis_of_the_mask(count: int) -> None:
    axis = np.tile([0.0, 0.6, 0.8], (count, 1))
    axes = pore_axes(np.arange(3.0 * count).reshape(-1, 3) ** 2, mask_axis=axis, neighbours=8)
    np.testing.assert_allclose(np.abs(axes.normal), axis)
    assert axes.source == ("mask",) * count


def test_points_in_a_line_have_no_plane() -> None:
    line = pore_axes(np.arange(10.0)[:, None] * [0, 0, 300.0], mask_axis=np.tile([1.0, 0, 0], (10, 1)), neighbours=8)
    assert set(line.source) == {"mask"}


def test_a_single_nucleus_is_not_split() -> None:
    assert set(split_nuclei(on_ellipsoid(200))) == {0}


@pytest.mark.parametrize("normal", [[1, 0, 0], [0, -2, 0], [0.3, 0.5, -0.9]])
def test_frames_are_right_handed(normal: list[float]) -> None:
    frame = tangent_frame(np.array(normal, float))
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(frame), 1)


def test_a_patch_reads_no_more_than_its_box() -> None:
    reads = []

    class Array:
        shape, dtype = (500, 500, 500), np.dtype(np.uint8)

        def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
            reads.append([s.stop - s.start for s in key])
            return np.full(reads[-1], 7, np.uint8)

    raw = Volume(array=Array(), voxel_size=VoxelSize((5, 5, 5)), uri="memory", format="memory", chunks=(64, 64, 64))
    patch = sample_patch(raw, np.full(3, 1200.0), normal=np.array([1.0, 0, 0]), half_width_nm=150, half_height_nm=25)
    assert reads == [[24, 74, 74]]
    np.testing.assert_allclose(patch.grey, 7)


def test_a_patch_is_a_ramp_where_raw_is_and_ends_with_it() -> None:
    z, y, _ = np.meshgrid(*(np.arange(60.0),) * 3, indexing="ij")
    raw = Volume(
        array=(4 * (z + 0.5) + 5 * (y + 0.5)).astype(np.float32),
        voxel_size=VoxelSize((8, 4, 4)),
        lower_edge_nm=(1000, 0, 0),
        uri="memory",
        format="memory",
        chunks=(60, 60, 60),
    )
    centre = np.array([1240.0, 30.0, 120.0])
    patch = sample_patch(raw, centre, normal=np.array([1.0, 0.2, 0.3]), half_width_nm=60, half_height_nm=20)
    middle = tuple(n // 2 for n in patch.grey.shape)
    assert patch.grey[middle] == pytest.approx(0.5 * 240 + 1.25 * 30, abs=0.05)
    assert np.isnan(patch.grey).any()
    assert np.nanmin(patch.grey) >= 0


def ring_image(radius: float, centre: tuple[float, float], blur: float, step: float = 5.0) -> np.ndarray:
    """A pore: 120 inside, a membrane of 7.5 nm at 0, 190 outside; drawn fine, blurred, averaged to ``step``."""
    fine = step / 5
    at = (np.arange(305) - 152) * fine
    distance = np.hypot(at[:, None] - centre[0], at[None] - centre[1]) - radius
    grey = np.where(distance < -3.75, 120.0, np.where(distance < 3.75, 0.0, 190.0))
    return ndimage.uniform_filter(ndimage.gaussian_filter(grey, blur / fine), 5)[2::5, 2::5].astype(np.float32)


@pytest.mark.parametrize("radius", [30.0, 46.0, 65.0])
def test_ring_and_its_centre(radius: float) -> None:
    image = ring_image(radius, (11.0, -7.0), 4.0)
    ring = find_ring(image, step_nm=5.0, lines=18, search_nm=(20, 90))
    np.testing.assert_allclose(ring.centre_nm, (11, -7), atol=1)
    assert ring.lines == 18
    assert np.std(ring.diameters_nm) < 1.5
    assert ring.contrast > 20


@pytest.mark.parametrize("scale", [1.0, 1 / 255])
def test_contrast_of_noise_is_low(scale: float) -> None:
    noise = np.random.default_rng(1).normal(140, 8, (20, 61, 61)).astype(np.float32) * scale
    found = [find_ring(plane, step_nm=5.0, lines=18, search_nm=(20, 90)).contrast for plane in noise]
    assert max(found) < 6


def test_a_ring_of_which_half_is_missing_has_few_lines() -> None:
    image = ring_image(46.0, (0.0, 0.0), 4.0)
    image[:, :33] = np.nan
    assert find_ring(image, step_nm=5.0, lines=18, search_nm=(20, 90)).lines < 12


def test_no_ring_in_an_even_plane() -> None:
    assert find_ring(np.full((61, 61), 100, np.float32), step_nm=5.0, lines=18, search_nm=(20, 90)).lines == 0


def blurred_membrane(x_nm: np.ndarray, *, levels: tuple[float, float, float], blur_nm: float) -> np.ndarray:
    """Grey across a membrane 7.5 nm thick, its middle at 4 nm: each edge is a step, smoothed by a Gaussian."""
    inside, membrane, outside = levels
    first, second = (ndtr((x_nm - edge) / blur_nm) for edge in (4 - 3.75, 4 + 3.75))
    return inside + (membrane - inside) * first + (outside - membrane) * second


@pytest.mark.parametrize("blur", [5.0, 9.0, 12.0])
@pytest.mark.parametrize("levels", [(120, 20, 190), (150, 60, 130)])
def test_the_middle_of_a_blurred_membrane(blur: float, levels: tuple[float, float, float]) -> None:
    x = np.arange(-20.0, 21)
    grey = blurred_membrane(x, levels=levels, blur_nm=blur)
    found = fit_membrane(x, grey + np.random.default_rng(0).normal(0, 0.3, len(x)), width_nm=7.5)
    assert found is not None
    assert found.place_nm == pytest.approx(4, abs=1.0)
    assert found.blur_nm == pytest.approx(blur, abs=1.5)


def test_an_edge_is_no_membrane() -> None:
    x = np.arange(-20.0, 21)
    assert fit_membrane(x, 100 + 2 * x, width_nm=7.5) is None


def test_one_size_and_many() -> None:
    rng = np.random.default_rng(5)
    one = describe(rng.normal(92, 6, 100), error_sd_nm=6, rng=rng)
    assert one["one_size"]
    assert one["ks_p"] > 0.05
    exact = describe(rng.normal(92, 2, 300), error_sd_nm=6, rng=rng)
    assert exact["one_size"]
    assert exact["null_sd_nm"] < 2.5, "narrower than the error is not broad"
    broad = describe(92 - rng.gamma(2, 9, 300) + 18, error_sd_nm=6, rng=rng)
    assert not broad["one_size"]
    assert broad["shapiro_p"] < 0.01
    assert broad["skew"] < -0.5


def test_the_same_seed_draws_the_same_population() -> None:
    values = np.random.default_rng(1).normal(92, 9, 50)
    first, again = (describe(values, error_sd_nm=6, rng=np.random.default_rng(4)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("values", [[], [90.0], [90.0] * 12, [80.0, 85.0, 99.0]])
def test_few_or_equal_diameters(values: list[float]) -> None:
    found = describe(np.array(values), error_sd_nm=6, rng=np.random.default_rng(0))
    assert found["pores"] == len(values)
    assert (found["median_nm"] is None) == (not values)


def test_neighbours_alike_and_not() -> None:
    points = on_ellipsoid(150)
    rng = np.random.default_rng(0)
    patch = np.where(points[:, 2] > 900, 110.0, 85.0) + rng.normal(0, 3, 150)
    alike = spatial_correlation(points, patch, neighbours=8, permutations=199, rng=rng)
    mixed = spatial_correlation(points, rng.permutation(patch), neighbours=8, permutations=199, rng=rng)
    assert alike is not None
    assert mixed is not None
    assert alike.moran_i > 0.5
    assert alike.p == pytest.approx(0.01)
    assert (alike.cluster[points[:, 2] > 1300] == "wide").all()
    assert mixed.p > 0.05
    assert (mixed.cluster == "").all()


def test_no_correlation_of_few_or_equal_values() -> None:
    rng = np.random.default_rng(0)
    for values in (np.zeros(50), np.arange(9.0)):
        assert spatial_correlation(on_ellipsoid(len(values)), values, neighbours=8, permutations=99, rng=rng) is None


def test_nearest_distance() -> None:
    assert nearest_distance(np.array([[0.0, 0, 0], [0, 3, 4], [0, 3, 5]])).tolist() == [5, 1, 1]
    assert np.isnan(nearest_distance(np.zeros((1, 3)))).all()


@pytest.mark.parametrize("wrong", [{"lines": 10}, {"max_radius_nm": 130}, {"min_radius_nm": 95}])
def test_parameters_that_do_not_fit_together(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Pores(**wrong)
