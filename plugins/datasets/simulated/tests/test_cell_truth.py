"""The truth of whole cells against brute force on the voxels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from asem_dataset_simulated import View, render_cell
from asem_dataset_simulated.cell.pits import Pit, Stage, place_pits
from asem_dataset_simulated.cell.pores import PAPER, Diameters, Pore, place_pores, single
from asem_dataset_simulated.cell.scene import Cell
from asem_dataset_simulated.cell.style import LABELS
from asem_dataset_simulated.cell.surface import Surface
from attrs import evolve
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, map_coordinates
from scipy.stats import kstest

from asem_core.errors import GeometryError
from asem_core.geometry import Box

NM = 4.0
NEIGHBOURS = np.ones((3, 3, 3))  # all 26


def test_organelles_lie_in_the_cell(body: Any) -> None:
    outside = body.arrays["cell"] == 0
    assert outside.any()
    for name in set(LABELS) - {"cell", "ccp", "caveola"}:  # the opening of a pit is not cell
        assert not np.any(body.arrays[name][outside]), name


def test_organelles_do_not_overlap(body: Any) -> None:
    kinds = ("er", "golgi", "mito", "lysosome", "lipid")
    count = np.sum([body.arrays[name] > 0 for name in kinds], axis=0)
    assert count.max() == 1


def test_the_er_hangs_together_with_the_envelope(body: Any) -> None:
    er, envelope = body.arrays["er"] > 0, body.arrays["envelope"] > 0
    parts, _ = label(er, NEIGHBOURS)
    sizes = np.bincount(parts.ravel())[1:]
    assert sizes.max() > 0.97 * sizes.sum()
    assert np.mean(parts[envelope & er] == 1 + sizes.argmax()) > 0.99
    assert np.mean(er[envelope]) > 0.97
    assert envelope.sum() < er.sum()


def test_the_nucleus_reaches_to_the_middle_of_its_envelope(body: Any) -> None:
    nucleus, envelope, pore = (body.arrays[name] > 0 for name in ("nucleus", "envelope", "pore"))
    around = binary_dilation(nucleus) & ~nucleus
    assert np.mean((envelope | pore)[around]) > 0.97
    assert np.mean(nucleus[envelope]) == pytest.approx(0.5, abs=0.06)


def test_sheets_have_holes(small_cell: Cell, body: Any) -> None:
    er = small_cell.er
    plates = er.mesh.triangles.mean(axis=1)
    apart = np.linalg.norm(plates[:, None] - er.hole_nm[None], axis=2).min(axis=1) > 110
    low, size = np.array(body.view.origin_nm), np.array(body.view.shape) * body.view.voxel_size_nm
    within = [np.all((points > low) & (points < low + size), axis=1) for points in (er.hole_nm, plates)]
    holes, closed = er.hole_nm[within[0]], plates[within[1] & apart]
    assert len(holes) >= 10
    assert len(closed) >= 10
    assert np.mean(body.at("er", holes)) < 0.1
    assert np.mean(body.at("er", closed)) > 0.6  # elsewhere the sheet gives way to other organelles


def test_the_table_counts_what_the_labels_hold(body: Any) -> None:
    voxel = float(np.prod(body.view.voxel_size_nm))
    rows = {name: {} for name in LABELS}
    for row in body.tables["organelles"]:
        rows[row["organelle"]][int(row["label"])] = row
    for name in LABELS:
        counts = Counter(body.arrays[name][body.arrays[name] > 0].tolist())
        assert {number: int(row["voxels"]) for number, row in rows[name].items()} == counts, name
        for row in rows[name].values():
            assert float(row["volume_nm3"]) == pytest.approx(int(row["voxels"]) * voxel)
        cut = {int(v) for axis in range(3) for end in (0, -1) for v in np.unique(body.arrays[name].take(end, axis))}
        assert {number for number, row in rows[name].items() if row["complete"] == "False"} == cut - {0}, name
    assert len(rows["mito"]) > 3


def test_every_row_of_a_table_lies_on_its_label(body: Any) -> None:
    for name, table in (("pore", body.tables["pores"]), ("ccp", body.tables["pits"])):
        rows = [row for row in table if int(row["label"])]
        points = np.array([[float(row[f"{axis}_nm"]) for axis in "zyx"] for row in rows])
        numbers = np.array([int(row["label"]) for row in rows])
        inside = np.all((points > body.view.origin_nm) & (points < _upper(body.view)), axis=1)
        assert inside.sum() > 5
        assert np.mean(body.at(name, points[inside]) == numbers[inside]) >= 0.9, name


def _upper(view: View) -> NDArray[np.float64]:
    return np.array(view.origin_nm) + np.array(view.shape) * view.voxel_size_nm


def noise_free(cell: Cell, centre: NDArray[np.float64], half_nm: float) -> tuple[View, dict[str, NDArray[np.generic]]]:
    """A cube of 4 nm voxels round a point, imaged with little blur and no noise."""
    look = evolve(cell.look, shot=0, correlated=0, jitter=0, gradient=0, curtain=0, drift=0, psf_nm=3.0)
    side = int(2 * half_nm / NM)
    low = tuple(float(v) for v in np.rint(centre - half_nm))
    view = View(evolve(cell, look=look), (side,) * 3, (NM,) * 3, low)
    return view, dict(render_cell(view, Box.of_shape(view.shape)))


def sample(view: View, array: NDArray[np.generic], points: NDArray[np.float64], *, order: int) -> NDArray[np.float64]:
    """``array`` at points (..., 3) in nm."""
    index = (points - np.array(view.origin_nm)) / view.voxel_size_nm - 0.5
    return map_coordinates(array.astype(float), np.moveaxis(index, -1, 0), order=order, mode="nearest")


def rays(normal: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Unit vectors (count, 3) round ``normal``."""
    side = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    side /= np.linalg.norm(side)
    angle = np.arange(count) * 2 * np.pi / count
    return np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * np.cross(normal, side)


def profiles(view: View, array: NDArray[np.generic], pore: Pore, radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (36, radii) along rays from the axis of a pore, half way through the envelope."""
    points = pore.centre_nm + rays(pore.normal, 36)[:, None] * radii[None, :, None]
    return sample(view, array, points, order=1)


@pytest.mark.parametrize("which", [min, max])
def test_a_pore_is_as_wide_as_the_table_says(small_cell: Cell, which: Callable[..., Pore]) -> None:
    """By the hole in the ER's label, whose rim is 4 nm inside the middle of the membrane, and by the dark membrane."""
    pore = which(small_cell.pores, key=lambda pore: pore.diameter_nm)
    view, drawn = noise_free(small_cell, pore.centre_nm, 100.0)
    radii = np.arange(0.0, 90.0, 0.5)
    hole = (profiles(view, drawn["er"] > 0, pore, radii) > 0.5).argmax(axis=1) * 0.5
    assert 2 * np.mean(hole) + 8 == pytest.approx(pore.diameter_nm, abs=NM)
    near = radii[radii > 0.3 * pore.diameter_nm]
    darkest = near[profiles(view, drawn["image"], pore, near).argmin(axis=1)]
    assert 2 * np.median(darkest) == pytest.approx(pore.diameter_nm, abs=NM)


@pytest.fixture(scope="module")
def large_nucleus() -> Surface:
    return Surface(
        centre_nm=np.full(3, 5000.0),
        axes_nm=np.array([3200.0, 2600.0, 3600.0]),
        waves=((1300.0, 120.0),),
        seed=3,
        salt=620,
    )


def test_pores_follow_the_given_quantiles(large_nucleus: Surface) -> None:
    pores = place_pores(large_nucleus, Diameters(), np.random.default_rng(5))
    widths = np.array([pore.diameter_nm for pore in pores])
    shares, diameters = np.array(PAPER).T
    assert len(widths) > 800
    assert diameters[0] <= widths.min() < 70
    assert 120 < widths.max() <= diameters[-1]
    np.testing.assert_allclose(np.quantile(widths, [0.1, 0.5, 0.9]), diameters[1:4], atol=3.0)
    dense = np.sort(Diameters().draw(200_000, np.random.default_rng(6)))
    assert kstest(widths, lambda x: np.searchsorted(dense, x) / len(dense)).pvalue > 0.01
    assert kstest(widths, lambda x: np.interp(x, diameters, shares)).statistic < 0.06


def test_pores_keep_apart_and_can_be_of_one_width(large_nucleus: Surface) -> None:
    pores = place_pores(large_nucleus, single(100.0), np.random.default_rng(5))
    assert {pore.diameter_nm for pore in pores} == {100.0}
    centres = np.array([pore.centre_nm for pore in pores])
    distance = np.linalg.norm(centres[:200, None] - centres[None], axis=2)
    assert distance[distance > 0].min() > 165 * 0.9
    np.testing.assert_allclose(large_nucleus.at(centres), 0, atol=1.0)


@pytest.mark.parametrize(
    "quantiles", [((0.0, 60.0), (0.9, 100.0)), ((0.0, 90.0), (1.0, 60.0)), ((0.0, 5.0), (1.0, 90.0))]
)
def test_impossible_quantiles(quantiles: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(GeometryError, match="pore diameters: expected"):
        Diameters(quantiles)


@pytest.mark.parametrize("stage", [Stage.OPEN, Stage.LATE, Stage.CAVEOLA])
def test_pits_measure_on_the_voxels_what_the_table_says(small_cell: Cell, stage: Stage) -> None:
    """Width of what is not cell, plane by plane along the axis; an open pit in place of a late one."""
    pit = next(pit for pit in small_cell.pits if pit.stage is (Stage.CAVEOLA if stage is Stage.CAVEOLA else Stage.LATE))
    if stage is Stage.OPEN:
        pit = Pit(pit.label, stage, pit.centre_nm, pit.normal, lateral_nm=46.0, axial_nm=42.0, depth_nm=12.0)
    view, drawn = noise_free(evolve(small_cell, pits=(pit,)), pit.centre_nm - 60 * pit.normal, 130.0)
    outside = drawn["cell"] == 0
    depth, radii = np.arange(0.0, 150.0, 2.0), np.arange(0.0, 90.0, 1.0)
    axis = pit.centre_nm - depth[:, None] * pit.normal
    points = axis[:, None, None] + rays(pit.normal, 24)[None, :, None] * radii[None, None, :, None]
    open_ = sample(view, outside, points, order=1) > 0.5
    width = 2 * np.where(open_.all(axis=2), radii[-1], (~open_).argmax(axis=2)).mean(axis=1)
    height = depth[open_[:, 0, 0]].max()
    sizes = pit.measures()
    assert height == pytest.approx(sizes["height"], abs=1.5 * NM)
    assert width[np.abs(depth - sizes["height"] / 2).argmin()] == pytest.approx(sizes["width"], abs=2 * NM)
    below_rim = 5
    widest = below_rim + width[below_rim : int(height / 2)].argmax()
    assert width[: widest + 1].min() == pytest.approx(sizes["neck"], abs=2 * NM)
    assert (drawn["caveola"].max() > 0) == (stage is Stage.CAVEOLA)
    assert bool(np.any(drawn["ccp"])) == pit.coated


def test_the_classes_of_pits_are_those_of_the_paper(large_nucleus: Surface) -> None:
    """On any closed surface: open and late pits do not overlap in neck and height; caveolae measure 61 by 81 nm."""
    pits = place_pits(large_nucleus, np.random.default_rng(2))
    sizes = {stage: [pit.measures() for pit in pits if pit.stage is stage] for stage in Stage}
    assert all(len(sizes[stage]) > 10 for stage in (Stage.OPEN, Stage.LATE, Stage.CAVEOLA, Stage.ENDOCYTIC))
    assert all(size["neck"] > 40 and 35 < size["height"] < 70 for size in sizes[Stage.OPEN])
    assert all(size["neck"] < 40 and 95 < size["height"] < 135 for size in sizes[Stage.LATE])
    assert np.median([size["height"] for size in sizes[Stage.CAVEOLA]]) == pytest.approx(61, abs=4)
    assert np.median([size["width"] for size in sizes[Stage.CAVEOLA]]) == pytest.approx(81, abs=6)
    assert all(set(size) == {"major", "minor"} for size in sizes[Stage.ENDOCYTIC])


def test_the_table_of_pits_tells_coated_from_bare(body: Any) -> None:
    rows = body.tables["pits"]
    assert {"late pit", "caveola"} <= {row["class"] for row in rows}
    for row in rows:
        assert (row["coated"] == "True") == (row["class"] != "caveola") == (int(row["label"]) > 0)
        assert (row["neck_nm"] == "") == row["class"].endswith("vesicle")
