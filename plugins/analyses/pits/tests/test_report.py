"""The report on pits: what is said, what is drawn, and where."""

from __future__ import annotations

import io
from typing import Any

import attrs
import numpy as np
import pytest
import xarray as xr
from asem_analysis_pits import strokes
from asem_analysis_pits.analysis import measure_pits
from asem_analysis_pits.figures import draw_violin
from asem_analysis_pits.gallery import lines_of
from asem_analysis_pits.params import Pits
from asem_analysis_pits.report import report_pits
from asem_analysis_pits.tile import TILE, Stroke, draw
from PIL import Image

from asem_core.errors import AsemError
from asem_core.reporting.figures import new_figure
from asem_core.reporting.parts import Report

LUMEN = ["Width of the lumen", "Height of the lumen", "Lumen in profile"]
STAGES = ["Height against neck", "Heights of coated pits"]
ELLIPSES = ["Major axis", "Distribution of major axes", "Minor axis", "Aspect ratio"]
FIGURES = [*LUMEN, "Coat", *STAGES, *ELLIPSES, "Where they are"]


def report(dataset: xr.Dataset) -> Report:
    """As the engine calls it."""
    return report_pits(dataset.assign_attrs(asem={"params": attrs.asdict(Pits())}))


def numbers(made: Report) -> dict[str, str]:
    return {number.label: number.text for number in made.summary}


def test_every_figure_and_every_object(found: xr.Dataset) -> None:
    made = report(found)
    said = numbers(made)
    assert [said[name] for name in ("objects", "endocytic pits", "caveolae", "endocytic vesicles", "secretory")] == [
        "4", "2", "1", "1", "0"]  # fmt: skip
    assert said["height of caveolae"] == "\u2013"  # one
    assert [figure.title for figure in made.figures] == FIGURES
    assert all("<img" in figure.html or "plotly" in figure.html for figure in made.figures)
    pits, others = made.galleries
    assert [card.title for card in pits.cards] == ["Endocytic pit 1", "Endocytic pit 2", "Caveola 3"]
    assert [card.quality for card in pits.cards] == ["good", "fair", "good"]
    assert [card.title for card in others.cards] == ["Endocytic vesicle 4"]
    for gallery in made.galleries:
        for card in gallery.cards:
            assert isinstance(card.image, np.ndarray)
            file = io.BytesIO()
            Image.fromarray(card.image).save(file, "webp", quality=85)
            assert len(file.getvalue()) < 25_000
    assert "less than 200 degrees" in made.findings
    assert "Halir and Flusser" in made.methods


def _length(lines: tuple[Stroke, ...], colour: tuple[int, int, int]) -> list[float]:
    return [float(np.linalg.norm(line.points_nm[-1] - line.points_nm[0])) for line in lines if line.colour == colour]


def test_lines_have_the_lengths_of_the_table_and_lie_where_it_was_measured(found: xr.Dataset) -> None:
    for index in range(4):
        pit = found.isel(pit=index)
        assert _length(strokes.of_ellipse(pit), strokes.ELLIPSE_AXIS) == pytest.approx(
            [pit.major_nm.item(), pit.minor_nm.item()]
        )
        if index == 3:
            continue
        along = strokes.along_axis(pit)
        for colour, name in ((strokes.NECK, "neck"), (strokes.HEIGHT, "height"), (strokes.WIDTH, "width")):
            assert _length(along, colour) == pytest.approx([pit[f"{name}_nm"].item()]), name
        (plane,) = (line for line in strokes.of_ellipse(pit) if line.colour == strokes.PLANE)
        axes = [axis for axis in "zyx" if axis != pit.view_axis.item()]
        for row, column in plane.points_nm:
            point = {axes[0]: row + pit[f"{axes[0]}_nm"].item(), axes[1]: column + pit[f"{axes[1]}_nm"].item(),
                     pit.view_axis.item(): pit.view_nm.item()}  # fmt: skip
            above = [(point[axis] - pit[f"membrane_{axis}_nm"].item()) * pit[f"normal_{axis}"].item() for axis in "zyx"]
            assert sum(above) == pytest.approx(0, abs=1e-6)


def test_the_ellipse_is_drawn_in_the_wall(found: xr.Dataset) -> None:
    vesicle = found.isel(pit=3)
    (outline,) = (line.points_nm for line in strokes.of_ellipse(vesicle) if line.closed)
    at = {name: xr.DataArray(outline[:, i], dims="point") for i, name in enumerate(("row_nm", "column_nm"))}
    assert vesicle.section.interp(at).mean() < 0.6 * vesicle.section.mean()


def test_a_line_is_drawn_to_scale() -> None:
    offsets = np.arange(-160 + 1.25, 160, 2.5)
    line = Stroke(points_nm=np.array([[20.0, -30.0], [20.0, 50.0]]), colour=(255, 0, 0), width=1)
    grey = np.full((128, 128), 100, np.float32)
    grey[:32] = np.nan
    picture = draw(grey, (line,), rows_nm=offsets, columns_nm=offsets, black_white=(0, 200))
    red = np.argwhere((picture[..., 0] > 180) & (picture[..., 2] < 90))
    nm_per_pixel = 320 / TILE
    np.testing.assert_allclose((red.min(axis=0) + 0.5) * nm_per_pixel - 160, [20, -30], atol=2)
    np.testing.assert_allclose((red.max(axis=0) + 0.5) * nm_per_pixel - 160, [20, 50], atol=2)
    assert picture[10, 10].tolist() == [233, 237, 241]  # beyond the volume
    assert abs(int(picture[100, 10, 0]) - 127) <= 1


def test_a_review_shows(found: xr.Dataset) -> None:
    reviewed = found.assign(
        verdict=("pit", np.array(["accept", "reject", "", ""])),
        by_hand=("pit", np.array(["neck_nm", "", "", ""])),
        neck_nm=found.neck_nm.where(found.pit != 1, 24.5),
    ).assign_attrs(statistics={**found.attrs["statistics"], "rejected": 1, "by_hand": 1})
    made = report(reviewed)
    assert numbers(made)["objects"] == "3"
    assert "Rejected in the review, and only in the gallery: 1." in made.findings
    (accepted, rejected, _), _ = (gallery.cards for gallery in made.galleries)
    assert accepted.lines[0] == f"neck 24.5 nm by hand (drawn: {found.neck_nm.values[0]:.1f} measured)"
    assert {"accepted", "by hand", "late"} <= set(accepted.tags)
    assert (rejected.quality, "rejected" in rejected.tags) == ("poor", True)
    assert _length(strokes.along_axis(reviewed.isel(pit=0)), strokes.NECK) == [found.measured_neck_nm.values[0]]


def test_no_objects(drawn: Any, make_view: Any) -> None:
    made = report(measure_pits(make_view(drawn, objects=np.zeros_like(drawn.objects)), params=Pits()))
    assert (made.figures, made.galleries, numbers(made)["objects"]) == ((), (), "0")
    assert "There are no objects" in made.findings


@pytest.mark.parametrize(
    ("pit", "missing"), [(0, []), (1, ELLIPSES), (2, [*STAGES, *ELLIPSES]), (3, [*LUMEN, "Coat", *STAGES])]
)
def test_one_object(found: xr.Dataset, pit: int, missing: list[str]) -> None:
    made = report(found.isel(pit=[pit]))
    assert numbers(made)["objects"] == "1"
    titles = [figure.title for figure in made.figures]
    assert titles == [title for title in FIGURES if title not in missing]


def test_objects_without_sizes(drawn: Any, make_view: Any) -> None:
    objects = np.zeros_like(drawn.objects)
    objects[40, 90, 20:240] = 1
    objects[:20, 90:100, :20] = 2
    made = report(measure_pits(make_view(drawn, objects=objects), params=Pits(min_volume_nm3=5000)))
    assert [figure.title for figure in made.figures] == ["Where they are"]
    cards = [card for gallery in made.galleries for card in gallery.cards]
    told = {card.title: card for card in cards}
    assert told["Not classified 1"].image is None
    assert "no sizes: too long to be one pit" in told["Not classified 1"].lines
    (cut,) = (card for card in cards if "touches-border" in card.tags)
    assert (cut.quality, cut.image is not None) == ("", True)


@pytest.mark.parametrize(("count", "violins"), [(0, 0), (2, 0), (3, 1)])
def test_few_values_have_no_violin(count: int, violins: int) -> None:
    _, (axes,) = new_figure()
    draw_violin(axes, 0, np.arange(float(count)), "#0f5e9c")
    points = axes.collections[-1].get_offsets()
    assert len(points) == count
    assert len([part for part in axes.collections if type(part).__name__ == "FillBetweenPolyCollection"]) == violins


def test_tables_of_an_older_version(found: xr.Dataset) -> None:
    with pytest.raises(AsemError, match=r"no section, axis_section: .* run `asem analyze` again"):
        report(found.drop_vars(["section", "axis_section"]))


def test_text_of_a_pit_whose_stages_differ(found: xr.Dataset) -> None:
    pit = found.assign(cluster=("pit", np.array(["early", "early", "", ""]))).isel(pit=0)
    assert "late by the neck, early by k-means" in list(lines_of(pit))


def test_what_is_not_sure_is_left_out_unless_a_person_gave_it(found: xr.Dataset) -> None:
    flags = found.flags.values.astype("<U80")
    flags[0] = "uneven-membrane"
    uneven = found.assign(flags=("pit", flags))
    assert _count(uneven, "height of pits") == 1
    assert _count(uneven, "major axis of pits") == 1
    by_hand = uneven.assign(by_hand=("pit", np.array(["height_nm", "", "", ""])))
    assert _count(by_hand, "height of pits") == 2
    assert _count(by_hand, "neck of pits") == 1


def _count(found: xr.Dataset, label: str) -> int:
    """Of how many objects the number is."""
    note = next(number.note for number in report(found).summary if number.label == label)
    return int(note.replace("\u00a0", " ").partition("n = ")[2].split(",")[0])


@pytest.mark.parametrize(("copies", "shown"), [(1, False), (2, True)])
def test_a_median_is_of_three_at_least(found: xr.Dataset, copies: int, shown: bool) -> None:
    pits = xr.concat([found.isel(pit=[0, 1])] * copies, "pit", combine_attrs="override")
    labels = {number.label: number for number in report(pits).summary}
    neck = labels["neck of pits"]
    assert neck.text == (f"{np.nanmedian(pits.neck_nm):.1f} nm" if shown else "\u2013")
    assert ("too few for a median" in neck.note) is not shown
