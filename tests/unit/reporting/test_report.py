"""From the output of an analysis to a page: what it says, and what it says where something is wrong."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
import zarr
from click.testing import CliRunner
from PIL import Image

from asem_core.analysis import analyze
from asem_core.cli.report import report as verb
from asem_core.errors import AsemError, OutputError, PluginError
from asem_core.plugins import PluginRecord
from asem_core.registry import Entry, Names, Registry
from asem_core.reporting import needs
from asem_core.reporting.figures import new_figure, picture
from asem_core.reporting.folder import read_analysis
from asem_core.reporting.objects import report_objects
from asem_core.reporting.parts import Card, Figure
from asem_core.reporting.write import report
from asem_core.specs import AnalysisSpec, FigureSpec
from asem_core.volume.contents import is_as_written

from ..analysis.toy import OUTPUTS


@pytest.fixture
def toys(registry: Registry) -> Registry:
    """Two analyses: ``plain`` has no report of its own, ``drawn`` has one."""
    package = __name__.rpartition(".")[0]
    toy = f"{package.rpartition('.')[0]}.analysis.toy"
    common: dict[str, Any] = {
        "version": "1", "summary": "count voxels", "fn": f"{toy}:count", "params": f"{toy}:Params", "takes": ("raw",),
        "row": "object", "outputs": OUTPUTS,
    }  # fmt: skip
    specs = (
        AnalysisSpec(name="plain", **common),
        AnalysisSpec(name="drawn", report=f"{package}.toy:report", **common),
    )
    plugin = PluginRecord(name="toy", distribution="asem-toy", version="2")
    entries = {spec.name: Entry(spec=spec, plugin=plugin) for spec in specs} | dict(registry.analyses.entries)
    registry.__dict__["analyses"] = Names(kind="analysis", entries=entries)
    return registry


@pytest.fixture
def run(toys: Registry, tmp_path: Path) -> Callable[..., Path]:
    """``run(name)``: the output folder of an analysis of a cube and a rod."""
    values = np.zeros((12, 12, 12), np.uint16)
    values[1:5, 1:5, 1:5], values[7:10, 5:8, 1:11] = 1, 2
    source = tmp_path / "labels.zarr"
    stored = zarr.create_array(source, shape=values.shape, chunks=(8, 8, 8), dtype=values.dtype, zarr_format=2)
    stored[:] = values
    stored.attrs.update(resolution=[5, 5, 5], offset=[0, 0, 0])

    def analysed(name: str, *, out: str = "out", **params: Any) -> Path:
        analyze(source, tmp_path / out, analysis=name, params=params, registry=toys)
        return tmp_path / out

    return analysed


def page_of(folder: Path, registry: Registry) -> str:
    report([folder], folder / "report.html", registry=registry)
    return (folder / "report.html").read_text()


def text_of(page: str) -> str:
    """What is to be read, in one line."""
    body = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_an_analysis_without_a_report_has_a_page(run: Callable[..., Path], toys: Registry) -> None:
    page = page_of(run("plain", factor=2.0), toys)
    text = text_of(page)
    assert "Count voxels" in text
    assert "size_voxels 1 154 154 154 154 154" in text
    assert "name whole: 1" in text
    assert "total 154" in text
    assert "factor 2 1.5 Multiplies the count." in text
    assert "fill on same Whether." in text
    assert "plain, version 1" in text
    assert "asem-toy 2" in text
    assert "labels.zarr (zarr, uint16, 12 x 12 x 12 voxels)" in text
    assert "plotly.js v" not in page


def test_no_rows(run: Callable[..., Path], toys: Registry) -> None:
    text = text_of(page_of(run("plain", least=1000), toys))
    assert "rows, one per object 0" in text
    assert "size_voxels 0 " in text


def test_a_report_is_shown_and_needs_no_other_file(run: Callable[..., Path], toys: Registry) -> None:
    page = page_of(run("drawn"), toys)
    text = text_of(page)
    for words in ("size 4 nm of one", "plot", "other plot", "1&amp;2", "why", "a book", "Multiplies the count."):
        assert words in text
    assert page.count("plotly.js v") == 1
    assert "cloud.plotly.com/newchart" not in page.rpartition("plotly.js v")[2].rpartition("</head>")[2]
    assert not re.search(r"<(img|script|link|iframe)[^>]*(src|href)=\"(?!data:)", page)


def test_what_an_analysis_says_is_escaped(run: Callable[..., Path], toys: Registry) -> None:
    body = page_of(run("drawn"), toys).rpartition("</head>")[2]
    assert "Toys &lt;b&gt;" in body
    assert "two &lt;i&gt;" in body
    assert "a&lt;b" in body
    assert "<script>alert" not in body
    assert "alert(1)" in body


def test_cards_carry_what_is_filtered_and_sorted_by(run: Callable[..., Path], toys: Registry) -> None:
    page = page_of(run("drawn"), toys)
    tags = [json.loads(unescape(text)) for text in re.findall(r'data-tags="([^"]*)"', page)]
    values = [json.loads(unescape(text)) for text in re.findall(r'data-values="([^"]*)"', page)]
    assert tags == [["whole"], ["cut", "it's"], ["whole"]]
    assert values == [{"size": 3.0}, {}, {"size": 1.0}]
    assert "whole (2)" in page
    assert page.partition('<div class="cards">')[2].count('src="data:image/webp') == 1
    assert "no picture" in page


def test_several_analyses_on_one_page(run: Callable[..., Path], toys: Registry, tmp_path: Path) -> None:
    folders = [run("drawn"), run("plain", out="other")]
    report(folders, tmp_path / "both.html", registry=toys)
    page = (tmp_path / "both.html").read_text()
    assert re.findall(r"<h2>.+: (.+)</h2>", page) == [folder.name for folder in folders]
    assert [page.count(f'"#analysis-{n}"') for n in (1, 2, 3)] == [1, 1, 0]
    assert page.count("<h3>Provenance</h3>") == 2


def test_objects(run: Callable[..., Path], toys: Registry) -> None:
    page = page_of(run("objects", min_volume_nm3=0), toys)
    text = text_of(page)
    assert "objects 2 0 cut by a face of the volume" in text
    titles = set(re.findall(r"<h4>([^<]*)", page))
    assert {"Volume", "Surface", "Sphericity", "Nearest neighbour", "Branching", "The largest objects"} <= titles
    assert "2 1.125e-05 " in text
    assert "object volume (µm³)" in text
    assert "5 x 5 x 5 nm" in text


def test_no_objects(run: Callable[..., Path], toys: Registry) -> None:
    page = page_of(run("objects", min_volume_nm3=1e9), toys)
    assert "No object was found" in page
    assert "<figure" not in page


def add_figure(registry: Registry, function: str, *, name: str = "toy") -> None:
    plugin = PluginRecord(name="toy", distribution="asem-toy", version="2")
    spec = FigureSpec(name=name, summary="toys", analyses=("plain",), draw=f"{__name__}:{function}")
    others = {key: entry for key, entry in registry.figures.entries.items() if entry.plugin == plugin}
    registry.__dict__["figures"] = Names(kind="figure", entries={**others, name: Entry(spec=spec, plugin=plugin)})


def draws(folder: Path, dataset: xr.Dataset) -> Figure:
    return Figure(title=f"Drawn of {folder.name}", caption=f"{dataset.sizes['object']}", html="<p>added</p>")


def draws_as_the_analysis_does(folder: Path, dataset: xr.Dataset) -> Figure:
    figure, _ = new_figure()
    return Figure(title="Sizes", caption="", html=picture(figure, "nothing"))


def refuses(folder: Path, dataset: xr.Dataset) -> Figure:
    raise AsemError("there is nothing to see")


def fails(folder: Path, dataset: xr.Dataset) -> Figure:
    raise ZeroDivisionError("by zero")


def test_a_plugin_adds_a_figure_to_the_page_of_another(run: Callable[..., Path], toys: Registry) -> None:
    add_figure(toys, "draws")
    page = page_of(run("plain"), toys)
    assert re.findall(r"<h4>([^<]*)", page)[0] == "Drawn of out"
    assert "<p>added</p>" in page


@pytest.mark.parametrize(
    ("function", "says"), [("refuses", "there is nothing to see."), ("fails", "ZeroDivisionError: by zero.")]
)
def test_a_figure_that_fails_leaves_the_page(
    run: Callable[..., Path], toys: Registry, function: str, says: str
) -> None:
    add_figure(toys, function)
    text = text_of(page_of(run("plain"), toys))
    assert f"No picture of toys: {says}" in text
    assert "size_voxels 1 154" in text


def test_what_would_draw_the_largest_objects_is_said(run: Callable[..., Path], toys: Registry) -> None:
    toys.__dict__["figures"] = Names(kind="figure", entries={})
    page = page_of(run("objects", min_volume_nm3=0), toys)
    assert "pip install asem-mesh" in page
    assert "pip install asem-mesh" not in page_of(run("plain", out="other"), toys)


def test_the_model_of_a_prediction_is_named(run: Callable[..., Path], toys: Registry) -> None:
    folder = run("plain")
    about = json.loads((folder / "analysis.json").read_text())
    assert about["made_from"] == {"objects": {}}
    model = {"id": "er-10nm", "version": "3", "sha256": "abc"}
    about["made_from"]["objects"] = {"made_by": "asem segment", "asem_core": "0.1", "model": model}
    (folder / "analysis.json").write_text(json.dumps(about))
    text = text_of(page_of(folder, toys))
    assert "asem segment (asem-core 0.1) with the model er-10nm 3, sha256 abc" in text
    assert "Voxels were classified by the model er-10nm 3 of ASEM (sha256 abc). Objects were measured by" in text


def test_a_paragraph_for_a_paper_has_versions_source_and_numbers(run: Callable[..., Path], toys: Registry) -> None:
    text = text_of(page_of(run("plain", factor=2.0), toys))
    said = text.partition("For the methods of a paper ")[2]
    assert said.startswith("Objects were measured by the analysis plain (version 1) of ASEM (asem-core ")
    assert (
        "asem-toy 2; Gallusser et al. 2022, https://doi.org/10.1101/2022.08.02.502534) on voxels of 5 x 5 x 5 nm"
        in said
    )
    assert "factor 2, " in said


def test_where_the_objects_lie_is_said_above(run: Callable[..., Path], toys: Registry, tmp_path: Path) -> None:
    before_numbers = page_of(run("plain"), toys).partition('<dl class="numbers">')[0]
    assert f"of <code>{tmp_path / 'labels.zarr'}</code>" in before_numbers


def test_cut_objects_are_marked_and_one_object_has_no_histogram(run: Callable[..., Path], toys: Registry) -> None:
    dataset = read_analysis(run("objects", min_volume_nm3=0)).dataset.load()
    dataset["touches_border"][:] = [True, False]
    *_, largest = report_objects(dataset).figures
    assert "<td>1\N{NO-BREAK SPACE}(cut)<td>" in largest.html
    assert "<td>2<td>" in largest.html
    (only,) = report_objects(dataset.isel(object=[0])).figures
    assert only.title == "The largest objects"


def test_parameters_that_are_no_longer_known_are_listed(run: Callable[..., Path], toys: Registry) -> None:
    folder = run("plain")
    about = json.loads((folder / "analysis.json").read_text())
    about["params"]["old"] = 7
    (folder / "analysis.json").write_text(json.dumps(about))
    assert "old 7 same" in text_of(page_of(folder, toys))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "no output of `asem analyze`: there is no such folder"),
        (lambda folder: (folder / "analysis.json").unlink(), "has no analysis.json"),
        (lambda folder: (folder / "analysis.json").write_text("{"), "analysis.json is damaged"),
        (lambda folder: (folder / "analysis.json").write_text("[]"), "analysis.json is damaged"),
        (lambda folder: shutil.rmtree(folder / "drawn.zarr"), "drawn.zarr is missing or damaged"),
    ],
    ids=["no folder", "no summary", "half a summary", "another summary", "no tables"],
)
def test_damaged_output(
    run: Callable[..., Path], toys: Registry, tmp_path: Path, spoil: Callable[[Path], Any], message: str
) -> None:
    folder = run("drawn")
    spoil(folder)
    with pytest.raises(AsemError, match=re.escape(message)):
        report([folder], tmp_path / "page.html", registry=toys)
    assert not (tmp_path / "page.html").exists()


def test_output_of_another_version(run: Callable[..., Path], toys: Registry, tmp_path: Path) -> None:
    folder = run("drawn")
    older = xr.open_zarr(folder / "drawn.zarr", chunks=None).load().drop_vars(["size_voxels", "name"])
    older.to_zarr(folder / "drawn.zarr", mode="w", zarr_format=2, consolidated=True)
    with pytest.raises(AsemError, match=r"out: the tables have no size_voxels.*run `asem analyze` again"):
        report([folder], tmp_path / "page.html", registry=toys)


def test_an_analysis_that_is_not_installed(run: Callable[..., Path], toys: Registry, tmp_path: Path) -> None:
    folder = run("plain")
    about = (folder / "analysis.json").read_text().replace('"name": "plain"', '"name": "gone"')
    (folder / "analysis.json").write_text(about)
    (folder / "plain.zarr").rename(folder / "gone.zarr")
    with pytest.raises(PluginError, match="unknown analysis 'gone'"):
        report([folder], tmp_path / "page.html", registry=toys)


def test_packages_that_are_not_installed(
    run: Callable[..., Path], toys: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    with pytest.raises(AsemError, match=r"needs matplotlib and plotly: pip install 'asem-core\[report\]'"):
        report([run("drawn")], tmp_path / "page.html", registry=toys)


def test_only_a_report_is_replaced(run: Callable[..., Path], toys: Registry, tmp_path: Path) -> None:
    folder, page = run("plain"), tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(OutputError):
        report([folder], page, registry=toys, overwrite=True)
    assert page.read_text() == "mine"
    page.unlink()
    report([folder], page, registry=toys)
    with pytest.raises(OutputError, match="exists"):
        report([folder], page, registry=toys)
    report([folder], page, registry=toys, overwrite=True)


def files_of(page: Path) -> set[str]:
    return {path.name for path in page.with_name(f"{page.stem}-files").iterdir() if not path.name.startswith(".")}


def test_figures_and_tables_come_as_files(run: Callable[..., Path], toys: Registry, tmp_path: Path) -> None:
    folder, page = run("drawn"), tmp_path / "page.html"
    report([folder], page, registry=toys)
    assert files_of(page) == {"drawn.csv", "drawn-picture.svg", "drawn-plot.png", "drawn-other-plot.png"}
    files = tmp_path / "page-files"
    assert (files / "drawn.csv").read_bytes() == (folder / "drawn.csv").read_bytes()
    assert ElementTree.parse(files / "drawn-picture.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"
    with Image.open(files / "drawn-plot.png") as plot:
        drawn = np.asarray(plot.convert("RGBA"))[..., 3] > 0
    assert 0.01 < drawn.mean() < 0.5
    report([folder, run("plain", out="other")], tmp_path / "both.html", registry=toys)
    assert files_of(tmp_path / "both.html") == {
        "out.csv", "out-picture.svg", "out-plot.png", "out-other-plot.png", "other.csv",
    }  # fmt: skip


def test_figures_of_one_title_are_two_files(run: Callable[..., Path], toys: Registry, tmp_path: Path) -> None:
    add_figure(toys, "draws_as_the_analysis_does")
    report([run("plain")], tmp_path / "page.html", registry=toys)
    add_figure(toys, "draws_as_the_analysis_does", name="again")
    report([run("plain", out="b")], tmp_path / "b.html", registry=toys)
    assert files_of(tmp_path / "page.html") == {"plain.csv", "plain-Sizes.svg"}
    assert files_of(tmp_path / "b.html") == {"plain.csv", "plain-Sizes.svg", "plain-Sizes-2.svg"}


def test_a_report_in_the_folder_of_its_analysis(run: Callable[..., Path], toys: Registry) -> None:
    folder = run("drawn")
    for overwrite in (False, True):
        report([folder], folder / "report.html", registry=toys, overwrite=overwrite)
    assert is_as_written(folder, made_by="asem analyze")
    (folder / "report-files" / "drawn.csv").write_text("edited")
    with pytest.raises(OutputError, match=r"report-files is not replaced: it is not, or not only, files of a report"):
        report([folder], folder / "report.html", registry=toys, overwrite=True)


def test_command(run: Callable[..., Path]) -> None:
    folder = run("objects", min_volume_nm3=0)
    result = CliRunner().invoke(verb, [str(folder)])
    assert result.exit_code == 0, result.output
    assert (folder / "report.html").is_file()
    assert f"{folder / 'report.html'}: " in result.output
    assert f"{folder / 'report-files'}: its figures as SVG or PNG, its tables as CSV" in result.output
    several = CliRunner().invoke(verb, [str(folder), str(folder)])
    assert several.exit_code == 2
    assert "-o FILE.html" in several.output
    missing = CliRunner().invoke(verb, [str(folder / "nothing")])
    assert "is no output of `asem analyze`: there is no such folder" in str(missing.exception)


def test_a_card_takes_colour_pictures_only() -> None:
    with pytest.raises(ValueError, match=r"image must be uint8 \(y, x, 3\), got float64 \(4, 4\)"):
        Card(title="", image=np.zeros((4, 4)))  # type: ignore[arg-type]
