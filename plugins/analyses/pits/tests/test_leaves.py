"""The pure functions: membrane, profile, section, ellipse, classes."""

from __future__ import annotations

import numpy as np
import pytest
from asem_analysis_pits.classes import (
    CAVEOLA,
    PIT,
    SECRETORY,
    VESICLE,
    classify,
    clusters,
    coat_threshold,
)
from asem_analysis_pits.ellipse import fit_ellipse, wall_skeleton
from asem_analysis_pits.measure import Measured
from asem_analysis_pits.membrane import Frame, find_boundary, fit_frame
from asem_analysis_pits.params import Pits
from asem_analysis_pits.population import classify_all
from asem_analysis_pits.profile import Profile, measure_profile
from asem_analysis_pits.review import Answer
from asem_analysis_pits.section import best_section
from asem_analysis_pits.table import row_of, to_dataset
from asem_analysis_pits.wall import enhancement

VOXEL = (5.0, 5.0, 5.0)


def _ball(shape: tuple[int, ...], centre: tuple[float, ...], radius: float) -> np.ndarray:
    place = np.moveaxis(np.indices(shape), 0, -1) + 0.5
    return ((place - centre) ** 2).sum(axis=-1) <= radius**2


def test_boundary_of_a_voxel_points_outwards() -> None:
    cell = np.zeros((3, 3, 3), bool)
    cell[1, 1, 1] = True
    found = find_boundary(cell, voxel_nm=(8, 4, 5))
    assert len(found.points_nm) == 6
    np.testing.assert_allclose(((found.points_nm - [12, 6, 7.5]) * found.outward).sum(axis=1), [4, 4, 2, 2, 2.5, 2.5])
    np.testing.assert_allclose(found.area_nm2, [20, 20, 40, 40, 32, 32])


@pytest.mark.parametrize("voxel_nm", [(5.0, 5.0, 5.0), (8.0, 4.0, 4.0)])
def test_frame_of_a_bent_membrane_touches_it_over_the_object(voxel_nm: tuple[float, float, float]) -> None:
    """A spherical cell of 600 nm: a plane fitted to its surface would lie some 10 nm too low."""
    shape = [round(500 / v) for v in voxel_nm]
    place = (np.moveaxis(np.indices(shape), 0, -1) + 0.5) * voxel_nm
    middle, out = np.array([250.0, 250, -350]), np.array([0.3, -0.2, 0.93])
    out /= np.linalg.norm(out)
    top = middle + 600 * out
    cell = np.linalg.norm(place - middle, axis=-1) < 600
    object_nm = place[np.linalg.norm(place - (top - 40 * out), axis=-1) < 40]
    frame = fit_frame(find_boundary(cell, voxel_nm=voxel_nm), object_nm)
    assert frame is not None
    np.testing.assert_allclose(frame.origin_nm, top, atol=2.5)
    assert frame.normal @ out > np.cos(np.radians(1.5))
    assert frame.residual_nm < 2.5
    np.testing.assert_allclose(frame.place(*np.moveaxis(frame.local(object_nm), -1, 0)), object_nm)


def test_no_frame_without_membrane_or_beside_its_edge() -> None:
    nothing = np.ones((40, 40, 40), bool)
    ball = (np.argwhere(_ball((40, 40, 40), (20, 20, 20), 6)) + 0.5) * 5
    assert fit_frame(find_boundary(nothing, voxel_nm=VOXEL), ball) is None
    one_side = nothing.copy()
    one_side[:12, 30:] = False  # seen in one direction only
    assert fit_frame(find_boundary(one_side, voxel_nm=VOXEL), ball) is None


def test_profile_of_a_cylinder() -> None:
    """A lumen 60 nm wide and 100 nm deep below a flat membrane at z = 100 nm."""
    place = (np.moveaxis(np.indices((60, 60, 60)), 0, -1) + 0.5) * 5
    across = np.linalg.norm(place[..., 1:] - 150, axis=-1)
    depth = place[..., 0] - 100
    lumen = (across < 30) & (depth < 100)
    cell = (depth > 0) & ~lumen
    inside = (across < 50) & (depth < 120) & (depth > 0)
    frame = fit_frame(find_boundary(cell, voxel_nm=VOXEL), (np.argwhere(inside) + 0.5) * 5)
    assert frame is not None
    found = measure_profile((~cell).astype(np.float32), inside, frame, voxel_nm=VOXEL)
    assert found is not None
    assert found.height_nm == pytest.approx(100, abs=1)
    assert found.neck_nm == pytest.approx(60, abs=2)
    assert found.half_width_nm == pytest.approx(60, abs=2)


@pytest.mark.parametrize(
    ("residual_nm", "flags"), [(3.0, "no-lumen no-ellipse"), (18.0, "uneven-membrane no-lumen no-ellipse")]
)
def test_an_uneven_membrane_is_flagged(residual_nm: float, flags: str) -> None:
    frame = Frame(origin_nm=np.zeros(3), normal=np.eye(3)[0], u=np.eye(3)[1], v=np.eye(3)[2], residual_nm=residual_nm)
    found = Measured(
        centre_nm=np.zeros(3),
        shift_nm=np.zeros(3),
        volume_nm3=1.0,
        distance_nm=0.0,
        at_membrane=True,
        cut=False,
        frame=frame,
    )
    assert row_of(found)["flags"] == flags


def test_a_neck_is_open_only_where_it_is_known() -> None:
    """Not where a face cut the object; and after a person gave a width, by that."""

    def measured(neck_nm: float | None) -> Measured:
        profile = None if neck_nm is None else Profile(
            width_nm=np.full(50, neck_nm), neck_nm=neck_nm, neck_depth_nm=10.0, height_nm=90.0, half_width_nm=80.0,
            middle=np.zeros(2),
        )  # fmt: skip
        return Measured(
            centre_nm=np.zeros(3), shift_nm=np.zeros(3), volume_nm3=1e6, distance_nm=0.0, at_membrane=True,
            cut=neck_nm is None, enhancement=3.0, profile=profile,
        )  # fmt: skip

    every = [measured(neck) for neck in (60.0, 55.0, 3.0, None)]
    dataset = to_dataset([row_of(each) for each in every], every, [1, 2, 3, 4])
    said = {2: Answer(pit=2, place_nm=(0.0, 0.0, 0.0), neck_nm=0.0)}
    found = classify_all(dataset, said, edge_nm=5.0, params=Pits())
    assert found.neck_open.values.tolist() == ["yes", "no", "no", ""]


def test_neck_below_a_funnel() -> None:
    """A funnel 100 nm wide and 20 nm deep, a neck of 20 nm, and below it a lumen of 70 nm, narrower than the funnel."""
    place = (np.moveaxis(np.indices((60, 60, 60)), 0, -1) + 0.5) * 5
    across = np.linalg.norm(place[..., 1:] - 150, axis=-1)
    depth = place[..., 0] - 100
    lumen = (across < np.select([depth < 20, depth < 40], [50, 10], 35)) & (depth < 110)
    cell = (depth > 0) & ~lumen
    inside = (across < 52) & (depth < 130) & (depth > 0)
    frame = fit_frame(find_boundary(cell, voxel_nm=VOXEL), (np.argwhere(inside) + 0.5) * 5)
    assert frame is not None
    found = measure_profile((~cell).astype(np.float32), inside, frame, voxel_nm=VOXEL)
    assert found is not None
    assert found.neck_nm == pytest.approx(20, abs=2)
    assert 20 <= found.neck_depth_nm <= 40


def test_profile_of_what_is_closed_is_none() -> None:
    place = (np.moveaxis(np.indices((60, 60, 60)), 0, -1) + 0.5) * 5
    cell = place[..., 0] > 100
    inside = _ball((60, 60, 60), (30, 30, 30), 9) & cell
    frame = fit_frame(find_boundary(cell, voxel_nm=VOXEL), (np.argwhere(inside) + 0.5) * 5)
    assert frame is not None
    assert measure_profile((~cell).astype(np.float32), inside, frame, voxel_nm=VOXEL) is None


def test_best_section_is_the_largest_outline() -> None:
    """An ellipsoid that is long along z and y is seen best in a plane across x."""
    place = np.moveaxis(np.indices((40, 40, 40)), 0, -1) + 0.5
    inside = (((place - 20.5) / [15, 12, 6]) ** 2).sum(axis=-1) <= 1
    found = best_section(inside, None, voxel_nm=VOXEL)
    assert (found.axis, found.index) == (2, 20)
    assert found.area_nm2 == pytest.approx(np.pi * 75 * 60, rel=0.05)


def test_section_of_anisotropic_voxels_has_square_pixels() -> None:
    inside = np.zeros((10, 20, 20), bool)
    inside[2:8, 5:15, 5:8] = True
    found = best_section(inside, None, voxel_nm=(8, 4, 4))
    assert (found.axis, found.pixel_nm, found.shape) == (2, 2.0, (40, 40))
    assert (found.cut(inside, voxel_nm=(8, 4, 4)) > 0.5).sum() * 4 == pytest.approx(48 * 40, rel=0.05)


def test_ellipse_of_a_dark_wall() -> None:
    place = (np.moveaxis(np.indices((80, 80)), 0, -1) + 0.5) * 2.5 - [98, 103]
    norm = np.sqrt(((place / [55, 45]) ** 2).sum(axis=-1))
    image = np.where(np.abs(norm - 1) < 0.15, 40.0, 180.0) + np.random.default_rng(0).normal(0, 4, (80, 80))
    found = fit_ellipse(wall_skeleton(image, norm < 1.15, pixel_nm=2.5))
    assert found is not None
    np.testing.assert_allclose([found.major_nm, found.minor_nm], [110, 90], atol=2)
    np.testing.assert_allclose(found.centre, [98, 103], atol=1.5)
    assert found.arc_deg == 360
    np.testing.assert_allclose(np.linalg.norm((found.outline(36) - found.centre) / [55, 45], axis=1), 1, atol=0.05)


@pytest.mark.parametrize("angle", [0.3, 1.2, 2.5])
def test_ellipse_with_stray_points_and_part_of_the_arc(angle: float) -> None:
    rng = np.random.default_rng(1)
    turn = np.radians(np.linspace(0, 250, 90))
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    wall = np.stack([60 * np.cos(turn), 45 * np.sin(turn)], axis=1) @ turned + rng.normal(0, 1, (90, 2))
    found = fit_ellipse(np.concatenate([wall, rng.uniform(-90, 90, (25, 2))]))
    assert found is not None
    np.testing.assert_allclose([found.major_nm, found.minor_nm], [120, 90], atol=6)
    assert np.cos(2 * (found.angle - angle)) > 0.95
    assert 240 <= found.arc_deg <= 290


def test_no_ellipse_of_few_points_a_line_or_an_even_image() -> None:
    assert fit_ellipse(np.zeros((0, 2))) is None
    assert fit_ellipse(np.random.default_rng(0).normal(size=(19, 2))) is None
    line = np.stack([np.linspace(0, 100, 60), np.linspace(0, 50, 60)], axis=1)
    assert fit_ellipse(line) is None
    assert len(wall_skeleton(np.full((20, 20), 7.0), np.ones((20, 20), bool), pixel_nm=2.5)) == 0


def test_enhancement() -> None:
    assert enhancement(110, 110, 160) == 1
    assert np.isnan(enhancement(20, 170, 160))  # a membrane that is brighter than the cytoplasm says nothing


def test_classes_by_distance_and_coat() -> None:
    distance = np.array([0.0, 10.0, 11.0, 400.0, 401.0, np.nan, 0.0])
    score = np.array([2.5, 1.0, 1.0, np.nan, 2.5, np.nan, np.nan])
    found = classify(distance, score, touch_nm=10, near_nm=400, coat=1.6)
    assert found.tolist() == [PIT, CAVEOLA, VESICLE, VESICLE, SECRETORY, SECRETORY, PIT]


def test_coat_threshold_does_not_part_one_kind() -> None:
    rng = np.random.default_rng(0)
    coated, plain = rng.normal(2.6, 0.3, 40), rng.normal(1.0, 0.15, 10)
    assert (coated > coat_threshold(coated)).mean() > 0.9
    assert (plain < coat_threshold(plain)).all()
    both = coat_threshold(np.concatenate([coated, plain, [np.nan]]))
    assert plain.max() < both < coated.min()
    assert coat_threshold(np.array([])) == coat_threshold(np.array([1.0])) == 1.65


def test_coat_threshold_is_half_way_across_the_gap() -> None:
    """Also where the largest of the lower group lies above the centre of its bin of a histogram."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        plain, coated = rng.uniform(0.9, 1.2, 9), rng.uniform(2.2, 2.6, 12)
        assert coat_threshold(np.concatenate([coated, plain])) == pytest.approx((plain.max() + coated.min()) / 2)


def test_clusters_find_early_and_late_pits() -> None:
    rng = np.random.default_rng(0)
    neck = np.concatenate([rng.normal(80, 10, 9), rng.normal(20, 6, 5), [np.nan]])
    height = np.concatenate([rng.normal(50, 8, 9), rng.normal(115, 10, 5), [90.0]])
    assert clusters(neck, height).tolist() == ["early"] * 9 + ["late"] * 5 + [""]
    assert set(clusters(neck[:5], height[:5])) == {""}
