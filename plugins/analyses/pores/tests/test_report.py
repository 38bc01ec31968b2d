"""What a report on pores says and draws."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from asem_analysis_pores.figures import BIN_NM, histogram, most_abundant
from asem_analysis_pores.gallery import TILE, draw, ends_nm
from asem_analysis_pores.report import findings, report_pores
from asem_analysis_pores.statistics import describe

from asem_core import Registry
from asem_core.analysis import analyze
from asem_core.errors import AsemError
from asem_core.reporting.parts import Report
from asem_core.reporting.write import report as write_report

PERMUTATIONS = {"permutations": 99}


@pytest.fixture(scope="module")
def folder(draw: Callable[..., Any], registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of an analysis of 16 pores."""
    drawn, out = draw(), tmp_path_factory.mktemp("report") / "out"
    analyze(drawn.pores, out, analysis="pores", raw=drawn.raw, params=PERMUTATIONS, registry=registry)
    return out


@pytest.fixture(scope="module")
def pores(folder: Path) -> xr.Dataset:
    return xr.open_zarr(folder / "pores.zarr", chunks=None).load()


@pytest.fixture(scope="module")
def report(pores: xr.Dataset) -> Report:
    return report_pores(pores)


def test_numbers_come_first(report: Report, pores: xr.Dataset) -> None:
    said = {number.label: number.text for number in report.summary}
    assert said["pores measured"] == "16"
    assert said["median diameter"] == f"{float(pores.diameter_nm.median()):.1f} nm"
    assert said["of one size?"] == "possible"


def test_findings_in_words(report: Report) -> None:
    for words in ("may all be of one size", "Kolmogorov-Smirnov D = ", "Shapiro-Wilk W = ", "Moran's I = "):
        assert words in report.findings


def test_figures(report: Report) -> None:
    assert len(report.figures) == 7
    assert sum("plotly-graph-div" in figure.html for figure in report.figures) == 1
    assert r"x (\u00b5m)" in report.figures[2].html


def test_every_pore_has_a_card(report: Report, pores: xr.Dataset) -> None:
    (gallery,) = report.galleries
    assert [card.title for card in gallery.cards] == [f"Pore {n}" for n in pores.pore.values]
    for card, diameter in zip(gallery.cards, pores.diameter_nm.values, strict=True):
        assert card.lines[0] == f"{diameter:.1f} nm"
        assert "measured" in card.tags
        assert card.values["diameter"] == diameter


def test_lines_are_drawn_where_they_were_measured(pores: xr.Dataset) -> None:
    for row in range(3):
        pore = pores.isel(pore=row)
        ends = ends_nm(pore)
        across = np.linalg.norm(ends[:18] - ends[18:], axis=1)
        assert across == pytest.approx(pore.line_diameter_nm.values)
        tile = draw(pore.enface.values, pore).astype(int)
        assert tile.shape == (TILE, TILE, 3)
        yellow = np.argwhere((tile[..., 0] > 220) & (tile[..., 1] > 180) & (tile[..., 2] < 80))
        from_centre = (yellow + 0.5) * 220 / TILE - 110 - [pore.centre_v_nm.item(), pore.centre_u_nm.item()]
        assert np.hypot(*from_centre.T).mean() == pytest.approx(pore.diameter_nm.item() / 2, abs=2)


def test_the_membrane_is_below_the_marks(pores: xr.Dataset) -> None:
    """The view has its dark ring where the marks are: rows are v, columns are u."""
    pore = pores.isel(pore=0)
    step = float(pores.v_nm[1] - pores.v_nm[0])
    ends = ends_nm(pore)

    def grey(shift_nm: float) -> float:
        away = ends * (1 + shift_nm / np.linalg.norm(ends, axis=1, keepdims=True))
        v, u = np.rint(away / step).astype(int).T + pores.sizes["v_nm"] // 2
        return float(pore.enface.values[v, u].mean())

    assert grey(0) < min(grey(-35), grey(35)) - 5


def test_bins_of_six_nm(pores: xr.Dataset) -> None:
    assert most_abundant(np.array([60.0, 65.9, 66.0, 71.9, 71.9])) == 69.0
    assert BIN_NM == 6
    assert "Histogram of the diameters of 2 pores" in histogram(np.array([90.0, 90.0]), median_nm=90.0, null_sd_nm=None)


def test_pores_that_were_not_measured(pores: xr.Dataset) -> None:
    """Some have no view, one has too few lines."""
    status = np.array(["cut"] * 3 + ["few lines"] + ["measured"] * 12)
    quality = np.where(status == "measured", pores["quality"].values, "")
    enface = pores.enface.where(xr.DataArray(status != "cut", dims="pore"))
    found = {**pores.attrs["statistics"], "status": {"cut": 3, "few lines": 1, "measured": 12}}
    changed = pores.assign(status=("pore", status), quality=("pore", quality), enface=enface)
    made = report_pores(changed.assign_attrs(statistics=found))
    assert "Not measured: cut by a face of the volume (3), too few lines" in made.findings
    cards = made.galleries[0].cards
    assert [card.image is None for card in cards[:5]] == [True, True, True, False, False]
    assert cards[0].lines[0] == "not measured: cut by a face of the volume"
    assert cards[3].quality == ""
    assert "few lines" in cards[3].tags


def test_none_measured(pores: xr.Dataset) -> None:
    found = describe(np.zeros(0), error_sd_nm=6, rng=np.random.default_rng(0))
    found |= {"status": {"cut": 16, "measured": 0}, "moran_i": None, "moran_p": None, "clustered": None}
    changed = pores.assign(status=("pore", ["cut"] * 16), quality=("pore", [""] * 16))
    made = report_pores(changed.assign_attrs(statistics=found))
    assert [figure.title for figure in made.figures] == ["Where they are"]
    assert "No pore was measured" in made.findings


def test_one_pore(draw: Callable[..., Any], registry: Registry, tmp_path: Path) -> None:
    drawn = draw(diameters=(100.0, 100.0), count=1)
    analyze(drawn.pores, tmp_path / "out", analysis="pores", raw=drawn.raw, params=PERMUTATIONS, registry=registry)
    write_report([tmp_path / "out"], tmp_path / "page.html", registry=registry)
    page = (tmp_path / "page.html").read_text()
    assert "too few pores to test whether they are of one size" in page
    assert page.count("<article") == 1


def test_no_pores(draw: Callable[..., Any], registry: Registry, tmp_path: Path) -> None:
    drawn = draw(count=1)
    labels = zarr.open_array(drawn.pores, mode="r+")
    labels[:] = 0
    analyze(drawn.pores, tmp_path / "out", analysis="pores", raw=drawn.raw, params=PERMUTATIONS, registry=registry)
    write_report([tmp_path / "out"], tmp_path / "page.html", registry=registry)
    page = (tmp_path / "page.html").read_text()
    assert "No pore was measured" in page
    assert "<figure" not in page
    assert "plotly.js" not in page


def test_another_version_wrote_the_tables(pores: xr.Dataset) -> None:
    with pytest.raises(AsemError, match="the tables have no membrane_nm: another version"):
        report_pores(pores.drop_vars("membrane_nm"))


def test_chance_and_neighbours_in_words(pores: xr.Dataset) -> None:
    known = pores.attrs["statistics"]
    alike = list(findings({**known, "moran_i": 0.4, "moran_p": 0.002, "clustered": 1}))[-1]
    assert re.search(r"are \*\*more alike\*\* than by chance: Moran's I = 0.400, p = 0.002. 1 pore in", alike)
    by_chance = list(findings({**known, "moran_i": 0.01, "moran_p": 0.5, "clustered": 0}))[-1]
    assert re.search(r"not more or less alike than by chance.*No pores in", by_chance)
    sizes = "\n".join(findings({**known, "one_size": False, "ks_one_sample_p": 1e-7}))
    assert "are **not of one size**" in sizes
    assert "p < 0.0001" in sizes
