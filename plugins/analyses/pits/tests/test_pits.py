"""The analysis on a drawn cell: every kind of object against its formula."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from asem_analysis_pits.analysis import measure_pits
from asem_analysis_pits.classes import CLASSES
from asem_analysis_pits.params import Pits
from asem_analysis_pits.review import FILE, match, read_review, write_review

from asem_core.errors import AsemError

KINDS = ["endocytic pit", "endocytic pit", "caveola", "endocytic vesicle"]


def _check_sizes(found: Any, drawn: Any, *, lumen_nm: float, axes_nm: float) -> None:
    for index, pit in enumerate(drawn.pits):
        true = pit.measures()
        for name in ("neck", "height", "width"):
            if name in true:
                assert found[f"{name}_nm"].values[index] == pytest.approx(true[name], abs=lumen_nm), (index, name)
            else:
                assert np.isnan(found[f"{name}_nm"].values[index])
        for name in ("major", "minor"):
            assert found[f"{name}_nm"].values[index] == pytest.approx(true[name], abs=axes_nm), (index, name)


def test_sizes_and_classes(drawn: Any, found: Any) -> None:
    assert found.pit.values.tolist() == [1, 2, 3, 4]
    assert found["class"].values.tolist() == KINDS
    assert found.stage.values.tolist() == ["late", "early", "", ""]
    assert set(found.lumen_from.values[:3].tolist()) == {"mask"}
    _check_sizes(found, drawn, lumen_nm=3, axes_nm=8)
    assert found.neck_open.values.tolist() == ["yes", "yes", "yes", ""]
    assert found.enhancement.values[2] == pytest.approx(1, abs=0.2)
    assert (found.enhancement.values[[0, 1, 3]] > 2).all()
    assert found.arc_deg.values[0] >= 300
    assert found.flags.values[1] == "short-arc"
    for pit in range(3):
        place = [found[f"membrane_{axis}_nm"].values[pit] for axis in "zyx"]
        np.testing.assert_allclose(place, drawn.pits[pit].centre_nm, atol=1.5)


def test_the_outline_lies_in_the_wall(drawn: Any, found: Any) -> None:
    index = np.floor(found.outline_nm.values[3] / 5).astype(int)
    assert drawn.raw[tuple(index.T)].mean() < 0.7 * drawn.raw[drawn.objects == 4].mean()


def test_anisotropic_voxels(drawn_anisotropic: Any, found_anisotropic: Any) -> None:
    assert found_anisotropic["class"].values.tolist() == KINDS
    _check_sizes(found_anisotropic, drawn_anisotropic, lumen_nm=4, axes_nm=9)


def test_a_mask_without_lumens_leaves_them_to_the_image(drawn: Any, make_view: Any) -> None:
    filled = (drawn.cell > 0) | (drawn.objects > 0)
    found = measure_pits(make_view(drawn, cell_mask=filled.astype(np.uint8)), params=Pits())
    assert set(found.lumen_from.values[:3].tolist()) == {"image"}
    assert found["class"].values.tolist() == KINDS
    assert found.stage.values.tolist() == ["late", "early", "", ""]
    _check_sizes(found, drawn, lumen_nm=22, axes_nm=12)


def test_the_result_does_not_depend_on_the_blocks(drawn: Any, found: Any, make_view: Any) -> None:
    block = tuple(np.random.default_rng().integers(20, 120, 3).tolist())
    assert measure_pits(make_view(drawn, block=block), params=Pits()).identical(found), block


def test_predictions_are_cut_into_components(drawn: Any, make_view: Any) -> None:
    probability = np.where(drawn.objects > 0, 200, 30).astype(np.uint8)
    view = attrs.evolve(make_view(drawn, objects=probability), kind="probabilities")
    found = measure_pits(view, params=Pits())
    assert sorted(found["class"].values.tolist()) == sorted(KINDS)


def test_objects_at_the_border_have_a_class_but_no_sizes(drawn: Any, make_view: Any) -> None:
    parts = {name: getattr(drawn, name)[:, :, 40:] for name in ("objects", "raw", "cell")}
    found = measure_pits(make_view(attrs.evolve(drawn, **parts)), params=Pits())
    assert found.flags.values[0] == "touches-border"
    assert np.isnan([found[f"{name}_nm"].values[0] for name in ("neck", "height", "major")]).all()
    assert found["class"].values[0] == "endocytic pit"


def test_no_objects(drawn: Any, make_view: Any) -> None:
    view = make_view(drawn, objects=np.zeros_like(drawn.objects))
    found = measure_pits(view, params=Pits())
    assert found.sizes["pit"] == 0
    assert {"class", "neck_nm", "major_nm", "stage"} <= set(found.data_vars)
    assert len((view.output / FILE).read_text().splitlines()) == 1
    assert found.attrs["statistics"]["class"] == dict.fromkeys(CLASSES, 0)


def test_long_and_small_objects(drawn: Any, make_view: Any) -> None:
    objects = drawn.objects.copy()
    objects[40, 90, 20:240] = 5
    objects[10:12, 90, 10:12] = 6
    found = measure_pits(make_view(drawn, objects=objects), params=Pits(min_volume_nm3=5000))
    assert found.pit.values.tolist() == [1, 2, 3, 4, 5]
    assert (found.flags.values[4], found["class"].values[4]) == ("too-long", "")
    assert found.attrs["notes"] == ["1 objects below 5000 nm^3 were left out"]
    assert (found.attrs["statistics"]["pits"], found.attrs["statistics"]["left_out"]) == (5, 1)


def test_an_even_image_gives_no_walls(drawn: Any, make_view: Any) -> None:
    found = measure_pits(make_view(drawn, raw=np.full_like(drawn.raw, 128)), params=Pits())
    assert np.isnan(found.major_nm.values).all()
    assert np.isnan(found.enhancement.values).all()
    assert ["no-ellipse" in flags for flags in found.flags.values.tolist()] == [True] * 4


def test_a_mask_without_membrane_is_said(drawn: Any, make_view: Any) -> None:
    found = measure_pits(make_view(drawn, cell_mask=np.ones_like(drawn.cell)), params=Pits())
    assert set(found["class"].values.tolist()) == {"secretory"}
    assert any("no object has plasma membrane within 400 nm" in note for note in found.attrs["notes"])
    assert np.isfinite(found.major_nm.values).all()


def _edit(path: Path, changes: dict[str, dict[str, str]]) -> Path:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row.update(changes.get(row["pit"], {}))
    edited = path.with_name("edited.csv")
    with edited.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return edited


def test_a_review_is_written_edited_and_read_back(drawn: Any, make_view: Any) -> None:
    view = make_view(drawn)
    before = measure_pits(view, params=Pits(near_nm=50))
    assert before["class"].values.tolist() == [*KINDS[:3], "secretory"]
    changes = {
        "1": {"verdict": "accept", "neck_nm": "24.5", "comment": "slanted, see view"},
        "2": {"verdict": "Reject"},
        "3": {"class": "endocytic pit", "neck_nm": "70", "height_nm": "60"},
    }
    edited = _edit(view.output / FILE, changes)
    after = measure_pits(view, params=Pits(review=edited))  # other parameters do not void a review
    assert after.verdict.values.tolist() == ["accept", "reject", "", ""]
    assert after["class"].values.tolist() == ["endocytic pit", "endocytic pit", "endocytic pit", "endocytic vesicle"]
    assert after.measured_class.values.tolist() == KINDS
    assert after.neck_nm.values[0] == 24.5
    assert after.measured_neck_nm.values[0] == before.neck_nm.values[0]
    assert after.by_hand.values.tolist() == ["neck_nm", "", "class neck_nm height_nm", ""]
    assert after.stage.values.tolist() == ["late", "", "early", ""]  # rejected: no stage
    assert (after.attrs["review"]["answers"], len(after.attrs["review"]["sha256"])) == (3, 64)
    carried_over = read_review(view.output / FILE)
    assert carried_over == read_review(edited)


ROWS = [{"pit": pit, "z_nm": 10.0 * pit, "y_nm": 20.0, "x_nm": 30.0, "measured_class": "caveola", "flags": "",
         "measured_neck_nm": 50.0, "measured_height_nm": 60.0, "enhancement": 1.0, "distance_nm": math.nan}
        for pit in (1, 2, 3)]  # fmt: skip
PLACES = {row["pit"]: [row[f"{axis}_nm"] for axis in "zyx"] for row in ROWS}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"1": {"verdict": "maybe"}}, "line 2: verdict: expected accept, reject or nothing, got 'maybe'"),
        ({"3": {"class": "vesicle"}}, "line 4: class: expected one of endocytic pit"),
        ({"2": {"neck_nm": "wide"}}, "line 3: neck_nm: expected a number"),
        ({"2": {"height_nm": "-3"}}, "line 3: height_nm: expected a number that is not negative"),
        ({"1": {"verdict": "accept", "pit": "9"}}, "pit 9 .* there is none .* another segmentation"),
        ({"1": {"verdict": "accept", "z_nm": "900"}}, "pit 1 .* it lies at 10.0, 20.0, 30.0 .* another segmentation"),
        ({"2": {"verdict": "accept", "pit": ""}}, "must not be empty"),
        (
            {"1": {"verdict": "accept"}, "2": {"verdict": "reject", "pit": "1", "z_nm": "10"}},
            "pit 1 stands there twice",
        ),
    ],
)
def test_a_wrong_review(tmp_path: Path, changes: dict[str, dict[str, str]], message: str) -> None:
    path = tmp_path / FILE
    write_review(path, ROWS, {})
    assert read_review(path) == []
    edited = _edit(path, changes)
    with pytest.raises(AsemError, match=message):
        match(read_review(edited), PLACES, edited)


def test_a_review_from_a_spreadsheet_with_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text("\ufeffpit;z_nm;y_nm;x_nm;verdict;class;neck_nm;height_nm\n2;20,0;20;30;accept;;31,5;\n", "utf-8")
    (answer,) = match(read_review(path), PLACES, path).values()
    assert (answer.pit, answer.verdict, answer.neck_nm, answer.height_nm) == (2, "accept", 31.5, None)


@pytest.mark.parametrize(("text", "message"), [(None, "cannot be read"), ("a,b\n1,2\n", "missing: pit, z_nm")])
def test_a_review_that_is_none(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "other.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(AsemError, match=message):
        read_review(path)
