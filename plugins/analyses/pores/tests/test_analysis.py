"""The whole analysis on a drawn envelope, and what it says where there is nothing to measure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import xarray as xr
import zarr
from asem_analysis_pores import measure, pore
from click.testing import CliRunner, Result

from asem_core import Registry
from asem_core.analysis import analyze
from asem_core.cli.analyze import analyze as verb
from asem_core.errors import GeometryError, PluginError, VolumeError
from asem_core.volume import Volume

FEW: dict[str, Any] = {"permutations": 99}


@pytest.fixture(scope="module")
def envelope(draw: Callable[..., Any]) -> Any:
    """16 pores of 65 to 125 nm."""
    return draw()


@pytest.fixture(scope="module")
def measured(envelope: Any, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    out = tmp_path_factory.mktemp("measured") / "out"
    return analyze(envelope.pores, out, analysis="pores", raw=envelope.raw, params=FEW, registry=registry)


def test_diameters_are_those_that_were_drawn(envelope: Any, measured: xr.Dataset) -> None:
    assert measured.status.values.tolist() == ["measured"] * 16
    error = measured.diameter_nm.values - envelope.diameters_nm
    assert abs(error.mean()) <= 3
    assert error.std() <= 3
    assert np.abs(measured.line_diameter_nm.median("line") - measured.diameter_nm).max() < 1e-9
    assert (measured.lines == 18).all()
    assert measured.contrast.min() > 20
    assert measured.blur_nm.median() == pytest.approx(np.hypot(7, 5), abs=2)


def test_a_pore_whose_blur_cannot_be_told_is_not_counted(
    envelope: Any, measured: xr.Dataset, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, calls = pore.fit_membrane, iter(range(16))
    monkeypatch.setattr(pore, "fit_membrane", lambda *a, **k: None if next(calls) < 4 else fit(*a, **k))
    found = analyze(envelope.pores, tmp_path / "out", analysis="pores", raw=envelope.raw, params=FEW, registry=registry)
    left_out = found.status.values == "blur unknown"
    assert left_out.sum() == 4
    assert np.isnan(found.diameter_nm.values[left_out]).all()
    assert (found.diameter_nm.values == measured.diameter_nm.values)[~left_out].all()
    assert found.attrs["statistics"]["pores"] == 12
    assert found.attrs["statistics"]["median_nm"] == pytest.approx(np.median(measured.diameter_nm.values[~left_out]))
    assert "12 pores measured; not measured: 4 blur unknown" in found.attrs["notes"]


def test_a_pore_seen_in_part_along_an_axis_of_its_neighbours_is_not_counted(
    envelope: Any, measured: xr.Dataset, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either alone may be told of a pore that counts: rings have gaps, planes through neighbours are often right."""
    whole, axes = measure.measure_pore, measure.pore_axes
    gaps = measured[["z_nm", "y_nm", "x_nm"]].to_array().values.T[[1, 2]]

    def with_gaps(raw: Volume, centre_nm: np.ndarray, **others: Any) -> pore.Measured | None:
        found = whole(raw, centre_nm, **others)
        if found is None or np.linalg.norm(gaps - found.centre_nm, axis=1).min() > 20:
            return found
        return attrs.evolve(found, membrane_nm=np.r_[[np.nan] * 3, found.membrane_nm[3:]])

    def from_neighbours(points_nm: np.ndarray, **others: Any) -> Any:
        source = ("neighbours", "neighbours", *["surface"] * (len(points_nm) - 2))
        return attrs.evolve(axes(points_nm, **others), source=source)

    monkeypatch.setattr(measure, "measure_pore", with_gaps)
    monkeypatch.setattr(measure, "pore_axes", from_neighbours)
    found = analyze(envelope.pores, tmp_path / "out", analysis="pores", raw=envelope.raw, params=FEW, registry=registry)
    assert found.status.values.tolist() == ["measured", "axis unsure"] + ["measured"] * 14
    neighbours, gap = "axis from neighbours", "lines missing"
    assert found.flags.values[:3].tolist() == [neighbours, f"{neighbours}; {gap}", gap]
    assert np.isnan(found.diameter_nm.values[1])
    assert found.attrs["statistics"]["pores"] == 15


def test_positions_and_axes(envelope: Any, measured: xr.Dataset) -> None:
    centres = np.stack([measured[f"{axis}_nm"] for axis in "zyx"], axis=1)
    assert np.linalg.norm(centres - envelope.centres_nm, axis=1).max() < 8
    away = envelope.centres_nm - [130 + 40 - 2500, 500, 500]
    normal = np.stack([measured[f"normal_{axis}"] for axis in "zyx"], axis=1)
    cosine = np.abs((normal * away).sum(axis=1)) / np.linalg.norm(away, axis=1)
    assert np.degrees(np.arccos(np.clip(cosine, 0, 1))).max() < 12


def test_what_is_drawn_of_each_pore_is_there(measured: xr.Dataset) -> None:
    assert measured.enface.dims == ("pore", "v_nm", "u_nm")
    assert measured.enface.shape[1:] == (61, 61)
    assert measured.membrane_nm.shape == (16, 36)
    ring = measured.profile.sel(radius_nm=round(measured.diameter_nm.values[0] / 2) - 5).values[0]
    assert ring < measured.profile.values[0, 0] - 5


def test_result_does_not_depend_on_the_blocks(
    envelope: Any, measured: xr.Dataset, registry: Registry, tmp_path: Path
) -> None:
    block = tuple(int(n) for n in np.random.default_rng().integers(30, 90, 3))
    again = analyze(
        envelope.pores, tmp_path / "out", analysis="pores", raw=envelope.raw, params=FEW, registry=registry, block=block
    )
    xr.testing.assert_identical(again.drop_attrs(), measured.drop_attrs())
    assert again.attrs["statistics"] == measured.attrs["statistics"]


def test_anisotropic_voxels_give_the_same_diameters(
    draw: Callable[..., Any], envelope: Any, measured: xr.Dataset, registry: Registry, tmp_path: Path
) -> None:
    other = draw(voxel_nm=(5.2, 4.0, 4.0), count=6)
    found = analyze(other.pores, tmp_path / "out", analysis="pores", raw=other.raw, params=FEW, registry=registry)
    np.testing.assert_array_equal(other.centres_nm, envelope.centres_nm[:6])
    error, before = (f.diameter_nm.values[:6] - o.diameters_nm[:6] for f, o in ((found, other), (measured, envelope)))
    assert abs(error.mean() - before.mean()) <= 3
    assert error.std() <= 3


def test_flat_patch(draw: Callable[..., Any], registry: Registry, tmp_path: Path) -> None:
    flat = draw(radius_nm=1e9, spacing_nm=330.0)
    found = analyze(flat.pores, tmp_path / "out", analysis="pores", raw=flat.raw, params=FEW, registry=registry)
    assert (found.status == "measured").all()
    assert np.abs(found.diameter_nm - flat.diameters_nm).max() <= 6
    assert set(found.normal_from.values) <= {"surface", "neighbours"}


def test_one_pore(draw: Callable[..., Any], registry: Registry, tmp_path: Path) -> None:
    one = draw(diameters=(100.0, 100.0), spacing_nm=400.0, count=1)
    found = analyze(one.pores, tmp_path / "out", analysis="pores", raw=one.raw, registry=registry)
    assert found.diameter_nm.values == pytest.approx([100], abs=5)
    assert found.normal_from.item() == "mask"
    assert found["quality"].item() == "fair"
    statistics = json.loads((tmp_path / "out" / "analysis.json").read_text())["statistics"]
    assert statistics["pores"] == 1
    assert statistics["one_size"] is None
    assert statistics["moran_i"] is None


def test_pores_at_the_border_are_told_and_left_out(
    envelope: Any, measured: xr.Dataset, registry: Registry, tmp_path: Path
) -> None:
    from .conftest import write

    cut = round(envelope.centres_nm[0, 2] / 5)
    raw, pores = (
        write(tmp_path / f"{name}.zarr", zarr.open_array(path, mode="r")[:, :, cut:], offset=(0, 0, 5 * cut))
        for name, path in (("raw", envelope.raw), ("pores", envelope.pores))
    )
    found = analyze(pores, tmp_path / "out", analysis="pores", raw=raw, params=FEW, registry=registry)
    first = found.status.values[found.x_nm.values < 5 * cut + 50]
    assert len(first)
    assert set(first) == {"cut"}
    assert found.attrs["statistics"]["status"]["cut"] == len(first)
    assert np.isnan(found.diameter_nm.values[found.status == "cut"]).all()


@pytest.fixture
def run(registry: Registry) -> Callable[..., Result]:
    """``run(...)``: a call of ``asem analyze pores``."""

    def call(*arguments: Any) -> Result:
        return CliRunner().invoke(verb, ["pores", *map(str, arguments)], obj=registry)

    return call


def test_no_pores(envelope: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    from .conftest import write

    empty = write(tmp_path / "none.zarr", np.zeros((52, 200, 200), np.uint16))
    result = run(empty, envelope.raw, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "no pore was found" in result.stdout
    assert "0 pores measured" in result.stderr


def test_statistics_are_printed_for_a_script(
    envelope: Any, measured: xr.Dataset, run: Callable[..., Result], tmp_path: Path
) -> None:
    result = run(envelope.pores, envelope.raw, "-o", tmp_path / "out", "--permutations", 99, "--json")
    document = json.loads(result.stdout)
    assert document["statistics"] == measured.attrs["statistics"]
    assert len(document["table"]) == document["statistics"]["pores"] == 16


@pytest.mark.parametrize("spread", [0.0, 8.0])
def test_an_image_without_pores_has_no_diameters(
    spread: float, envelope: Any, registry: Registry, tmp_path: Path
) -> None:
    from .conftest import write

    grey = np.rint(np.random.default_rng(2).normal(140, spread, (52, 200, 200))).astype(np.uint8)
    raw = write(tmp_path / "other.zarr", grey)
    found = analyze(envelope.pores, tmp_path / "out", analysis="pores", raw=raw, params=FEW, registry=registry)
    assert set(found.status.values) <= {"no membrane", "few lines"}
    assert found.attrs["notes"][0].startswith("0 pores measured; not measured: ")
    assert found.attrs["statistics"]["median_nm"] is None


def test_summary(measured: xr.Dataset) -> None:
    said = "\n".join(measured.attrs["notes"])
    for text in ("16 pores measured", "diameter: median", "Kolmogorov-Smirnov", "Moran's I", "ms per pore"):
        assert text in said


def test_help(run: Callable[..., Result]) -> None:
    said = run("--help").stdout
    assert "--error-sd-nm" in said
    assert "asem analyze pores pores.zarr cell.zarr -o pores" in said


def test_wrong_input(envelope: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    from .conftest import write

    other = write(tmp_path / "other.zarr", np.zeros((52, 200, 200), np.uint8), voxel_nm=(8, 8, 8))
    part = write(tmp_path / "part.zarr", np.zeros((52, 100, 200), np.uint8))
    nan = write(tmp_path / "nan.zarr", np.full((52, 200, 200), np.nan, np.float32))
    for raw, kind, message in (
        (other, GeometryError, "voxels of 8 x 8 x 8 nm but"),
        (part, GeometryError, "does not cover"),
        (nan, VolumeError, "is nan"),
        (tmp_path / "nothing.zarr", VolumeError, None),
    ):
        result = run(envelope.pores, raw, "-o", tmp_path / "out")
        assert isinstance(result.exception, kind), (raw, result.output, result.exception)
        assert message is None or message in str(result.exception)
        assert not (tmp_path / "out").exists()
    micrometres = write(tmp_path / "um.zarr", np.zeros((52, 200, 200), np.uint16), voxel_nm=(0.005,) * 3)
    result = run(micrometres, micrometres, "-o", tmp_path / "out")
    assert isinstance(result.exception, GeometryError)
    assert "measures at 1 to 20 nm: correct the size" in str(result.exception)
    assert run(envelope.pores, "-o", tmp_path / "out").exit_code == 2
    wrong = run(envelope.pores, envelope.raw, "-o", tmp_path / "out", "--lines", 10)
    assert isinstance(wrong.exception, PluginError)
    assert "min_lines" in str(wrong.exception)
