"""Cells side by side: what counts as one, what is compared, and what is said."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from asem_core.cli.report import report as verb
from asem_core.errors import AsemError, OutputError
from asem_core.plugins import PluginRecord
from asem_core.registry import Entry, Names, Registry
from asem_core.reporting import Comparison
from asem_core.reporting.comparison.cells import group
from asem_core.reporting.comparison.section import Compared, compare_cells
from asem_core.reporting.folder import read_analysis
from asem_core.reporting.write import remove_report, report
from asem_core.specs import AnalysisSpec, Output

Make = Callable[..., Path]
SPEC = AnalysisSpec(
    name="bubbles",
    version="1",
    summary="bubbles",
    fn="nowhere:fn",
    params=f"{__name__.rpartition('.reporting')[0]}.analysis.toy:Params",
    row="bubble",
    outputs=(
        Output(names=("width_nm",), dtype="float64", text="how wide"),
        Output(names=("open",), dtype="bool", text="whether it is open"),
        Output(names=("x_nm",), dtype="float64", text="place", measures=False),
        Output(names=("sort",), dtype="str", text="what it is"),
        Output(names=("to_OTHER_nm",), dtype="float64", text="how far"),
    ),
)


def without_first(dataset: xr.Dataset) -> xr.Dataset:
    """What counts of a data set of `SPEC`, in one test."""
    return dataset.isel(bubble=slice(1, None))


@pytest.fixture
def bubbles(registry: Registry) -> Registry:
    """A registry that knows `SPEC`."""
    know(registry, SPEC)
    return registry


def know(registry: Registry, spec: AnalysisSpec) -> None:
    entry = Entry(spec=spec, plugin=PluginRecord(name="toy", distribution="asem-toy", version="2"))
    entries = {**registry.analyses.entries, spec.name: entry}
    registry.__dict__["analyses"] = Names(kind="analysis", entries=entries)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """``make(name, widths)``: the output folder of an analysis of bubbles."""

    def made(name: str, widths: Any, *, sort: str = "big", analysis: str = "bubbles", **about: Any) -> Path:
        folder, count = tmp_path / name, len(widths)
        folder.mkdir(parents=True)
        columns: dict[str, Any] = {
            "width_nm": np.array(widths, np.float64), "open": np.arange(count) % 4 == 0, "x_nm": np.arange(count) * 1e3,
            "sort": np.array([sort] * count, str), "to_er_nm": np.full(count, 20.0),
        }  # fmt: skip
        dataset = xr.Dataset({k: ("bubble", v) for k, v in columns.items()}, {"bubble": np.arange(1, count + 1)})
        dataset.to_zarr(folder / f"{analysis}.zarr", zarr_format=2, consolidated=True)
        told = {
            "analysis": {"name": analysis, "version": "1"}, "params": {}, "voxel_size_nm": [5, 5, 5],
            "source": {"uri": f"{name}.zarr"}, "inputs": {"er": {}, "raw": {}}, **about,
        }  # fmt: skip
        (folder / "analysis.json").write_text(json.dumps(told))
        return folder

    return made


def three_and_three(make: Make, objects: int = 12) -> Comparison:
    """Cells whose medians are 10, 20, 30 nm, and 100, 110, 120 nm."""
    spread = np.linspace(-3, 3, objects)
    cells = {"fed": (10, 20, 30), "starved": (100, 110, 120)}
    return Comparison(
        conditions={
            condition: {f"{condition} {m}": [make(f"{objects}/{condition}{m}", m + spread)] for m in middles}
            for condition, middles in cells.items()
        }
    )


def compared(wanted: Comparison, registry: Registry) -> Compared:
    return compare_cells(wanted, {folder.resolve(): read_analysis(folder) for folder in wanted.folders},
                         registry=registry)  # fmt: skip


def text_of(page: Path) -> str:
    body = re.sub(r"<(script|style).*?</\1>", "", page.read_text(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_cells_are_the_units_whatever_the_number_of_their_objects(make: Make, bubbles: Registry) -> None:
    """An analysis that takes objects for independent is surer the more of them there are. This one must not be."""
    effects = []
    for objects in (3, 300):
        width = compared(three_and_three(make, objects), bubbles).quantities[0]
        assert [numbers.tolist() for numbers in width.numbers.values()] == [
            pytest.approx([10, 20, 30]), pytest.approx([100, 110, 120]),
        ]  # fmt: skip
        effects += width.effects
    few, many = effects
    assert few == attrs.evolve(many, shift=few.shift, difference=few.difference)
    assert few.shift is not None
    assert many.shift is not None
    for name in ("size", "low", "high", "confidence"):
        assert getattr(few.shift, name) == pytest.approx(getattr(many.shift, name))
    assert (few.cells, few.cells_against, few.cliffs_delta) == (3, 3, 1.0)
    assert (few.shift.size, few.shift.low, few.shift.high) == pytest.approx((90, 70, 110))
    assert few.shift.confidence == pytest.approx(0.9)


def test_what_is_compared_is_what_the_analysis_measures(make: Make, bubbles: Registry) -> None:
    found = compared(three_and_three(make), bubbles)
    assert [quantity.column.name for quantity in found.quantities] == ["width_nm", "open", "to_er_nm"]
    share = found.quantities[1]
    assert share.column.is_share
    assert share.numbers["fed"].tolist() == [0.25] * 3
    assert [quantity.axis for quantity in found.quantities] == ["width (nm)", "open (share)", "to er (nm)"]


def test_rows_of_different_kinds_are_not_put_together(make: Make, bubbles: Registry) -> None:
    know(bubbles, attrs.evolve(SPEC, kinds="sort"))
    wanted = Comparison(
        conditions={"a": {"1": [make("1", [1.0, 2.0]), make("2", [30.0], sort="small")]},
                    "b": {"2": [make("3", [5.0, 6.0], sort="")]}}
    )  # fmt: skip
    quantities = compared(wanted, bubbles).quantities
    assert [(q.column.label, q.numbers["a"].tolist()) for q in quantities[:2]] == [
        ("width, big", [1.5]), ("width, small", [30.0]),
    ]  # fmt: skip
    assert all(len(q.numbers["b"]) == 0 for q in quantities)
    with pytest.raises(ValueError, match="kinds must be one of the columns of words"):
        attrs.evolve(SPEC, kinds="width_nm")


def test_what_does_not_count_is_left_out(make: Make, bubbles: Registry) -> None:
    know(bubbles, attrs.evolve(SPEC, counted=f"{__name__}:without_first"))
    wanted = Comparison(conditions={"a": {"1": [make("1", [1.0, 2.0, 3.0])]}, "b": {"2": [make("2", [9.0, 5.0])]}})
    assert compared(wanted, bubbles).quantities[0].numbers == {"a": np.array([2.5]), "b": np.array([5.0])}


def test_parts_of_a_cell_count_as_one(make: Make, bubbles: Registry) -> None:
    parts = [make("1", [1.0, 2.0]), make("2", [3.0, 4.0, 5.0])]
    wanted = Comparison(conditions={"a": {"one": parts}, "b": {"two": [make("3", [7.0])]}})
    assert compared(wanted, bubbles).quantities[0].numbers["a"].tolist() == [3.0]


def test_few_cells_have_numbers_and_no_inference(make: Make, bubbles: Registry, tmp_path: Path) -> None:
    wanted = Comparison(
        conditions={"a": {"1": [make("1", [1.0] * 500)]}, "b": {"2": [make("2", [90.0] * 500)]}}, title="wide ones"
    )
    page = report([], tmp_path / "page.html", comparisons=[wanted], registry=bubbles)
    text = text_of(page)
    assert "Comparison of wide ones" in text
    assert "No inference is made with a and b" in text
    assert "1 (1 to 1; n = 1) 90 (90 to 90; n = 1) b - a no inference" in text
    assert "fewer than 3 cells of a and b, no inference was made" in text
    assert "Hodges-Lehmann shifts with exact" not in text
    with (tmp_path / "page-files" / "wide-ones-effects.csv").open() as file:
        row = next(csv.DictReader(file))
    assert (row["cells"], row["difference_of_medians"], row["shift"], row["cliffs_delta"]) == ("1", "89", "", "")


def test_the_page_and_its_files(make: Make, bubbles: Registry, tmp_path: Path) -> None:
    wanted = three_and_three(make)
    page = report(list(wanted.folders), tmp_path / "page.html", comparisons=[wanted], registry=bubbles)
    text = text_of(page)
    assert text.index("Comparison of bubbles") < text.index("Bubbles: fed10")
    assert "starved - fed 90 70 to 110 (90%) 1.00" in text
    assert "fed: 3 cells, 36 bubbles; starved: 3 cells, 36 bubbles" in text
    assert "not corrected for the number of quantities (3)" in text
    folder = tmp_path / "page-files"
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names == {
        "bubbles-effects.csv", "bubbles-cells.csv", "bubbles-objects.csv", "bubbles-Width.svg", "bubbles-Open.svg",
        "bubbles-To-er.svg",
    }  # fmt: skip
    with (folder / "bubbles-cells.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["value"]) for row in rows if row["column"] == "width_nm"] == [10, 20, 30, 100, 110, 120]
    assert {row["objects"] for row in rows} == {"12"}
    with (folder / "bubbles-objects.csv").open() as file:
        objects = list(csv.DictReader(file))
    assert len(objects) == 72
    assert (objects[0]["condition"], objects[0]["cell"], objects[0]["width_nm"]) == ("fed", "fed 10", "7")
    report(list(wanted.folders), page, comparisons=[wanted], registry=bubbles, overwrite=True)
    (folder / "mine.txt").write_text("notes")
    with pytest.raises(OutputError, match="not replaced"):
        report(list(wanted.folders), page, comparisons=[wanted], registry=bubbles, overwrite=True)


def test_cells_that_were_not_measured_alike_are_told_of(make: Make, bubbles: Registry, tmp_path: Path) -> None:
    conditions = {"a": {"1": [make("1", [1.0])]}, "b": {"2": [make("2", [2.0], voxel_size_nm=[10, 5, 5])]}}
    found = compared(Comparison(conditions=conditions), bubbles)
    assert found.differences == ("voxel size in nm: 5 x 5 x 5 in 1; 10 x 5 x 5 in 2",)


def test_nothing_was_found(make: Make, bubbles: Registry, tmp_path: Path) -> None:
    conditions = {"a": {"1": [make("1", [])]}, "b": {"2": [make("2", [])]}}
    page = report([], tmp_path / "page.html", comparisons=[Comparison(conditions=conditions)], registry=bubbles)
    assert "No cell has an object" in text_of(page)


def test_cells_that_are_left_out_are_told_of(make: Make, bubbles: Registry, tmp_path: Path) -> None:
    wanted = Comparison(
        conditions={"a": {}, "b": {"2": [make("2", [90.0, 95.0])]}},
        left_out={"a": {"1": ["top", "end"]}, "b": {"3": ["3"]}},
    )
    text = text_of(report([], tmp_path / "page.html", comparisons=[wanted], registry=bubbles))
    assert "Left out of a : 1, as top and end could not be measured." in text
    assert "Left out of b : 3, as 3 could not be measured." in text
    assert "a 0 cells 0 bubbles" in text
    assert "none 92.5 (92.5 to 92.5; n = 1) b - a no inference" in text


def test_a_report_is_removed_with_its_files_and_nothing_else(make: Make, bubbles: Registry, tmp_path: Path) -> None:
    page = report(make("1", [1.0]), tmp_path / "page.html", registry=bubbles)
    (tmp_path / "page-files" / "mine.txt").write_text("notes")
    remove_report(page)
    assert not page.exists()
    assert (tmp_path / "page-files" / "mine.txt").exists()
    (tmp_path / "page-files" / "mine.txt").unlink()
    page.write_text("<html>mine</html>")
    remove_report(page)
    assert page.exists()
    assert not (tmp_path / "page-files").exists()


def test_what_is_no_comparison(make: Make, bubbles: Registry) -> None:
    one, two = make("1", [1.0]), make("2", [2.0])
    with pytest.raises(AsemError, match="two conditions or more, got a"):
        Comparison(conditions={"a": {"1": [one], "2": [two]}})
    with pytest.raises(AsemError, match="no cell, or one without an analysis"):
        Comparison(conditions={"a": {"1": [one]}, "b": {"2": []}})
    with pytest.raises(AsemError, match="nothing to compare: of every cell a part was not measured"):
        Comparison(conditions={"a": {}, "b": {}}, left_out={"a": {"1": ["1"]}, "b": {"2": ["2"]}})
    with pytest.raises(AsemError, match="1 is there twice"):
        Comparison(conditions={"a": {"1": [one]}, "b": {"1": [two]}})
    with pytest.raises(AsemError, match="is there twice"):
        Comparison(conditions={"a": {"1": [one]}, "b": {"2": [one]}})
    again = make("again", [1.0], source={"uri": "1.zarr"})
    with pytest.raises(AsemError, match="measured the same objects: a cell counts once"):
        compared(Comparison(conditions={"a": {"1": [one]}, "b": {"2": [again]}}), bubbles)
    other = make("other", [1.0], analysis="objects")
    with pytest.raises(AsemError, match="of one analysis, got bubbles and objects"):
        compared(Comparison(conditions={"a": {"1": [one]}, "b": {"2": [other]}}), bubbles)


def test_groups_by_pattern() -> None:
    folders = [Path("fed1/mito"), Path("fed2/mito"), Path("s1/mito")]
    found = group(folders, [("fed", "fed*"), ("starved", "s1/mito/")])
    assert found.conditions == {
        "fed": {"fed1": [folders[0]], "fed2": [folders[1]]}, "starved": {"s1": [folders[2]]},
    }  # fmt: skip
    with pytest.raises(AsemError, match=r"hungry=h\*: none of fed1/mito"):
        group(folders, [("fed", "*"), ("hungry", "h*")])
    with pytest.raises(AsemError, match="s1/mito is to be of one condition, and is of none"):
        group(folders, [("fed", "fed*")])
    with pytest.raises(AsemError, match="fed1/mito is to be of one condition, and is of fed and all"):
        group(folders, [("fed", "fed*"), ("all", "*")])


def test_the_command(make: Make, bubbles: Registry, tmp_path: Path) -> None:
    folders = [str(folder) for folder in three_and_three(make).folders]
    words = [*folders, "-o", str(tmp_path / "page.html"), "--group", "fed=*fed*", "--group", "starved=*starved*"]
    result = CliRunner().invoke(verb, words, obj=bubbles)
    assert result.exit_code == 0, result.output
    assert f"{tmp_path / 'page-files'}: its figures as SVG or PNG, its tables as CSV" in result.output
    assert "starved110" in text_of(tmp_path / "page.html")
    wrong = CliRunner().invoke(verb, [*folders, "-o", str(tmp_path / "b.html"), "--group", "fed"], obj=bubbles)
    assert wrong.exit_code == 2
    assert "a group is NAME=PATTERN" in wrong.output
