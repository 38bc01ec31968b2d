"""What every analysis is given, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
import xarray as xr

from asem_core import VoxelSize
from asem_core.analysis import analyze
from asem_core.errors import AsemError, GeometryError, OutputError, PluginError, VolumeError
from asem_core.plugins import PluginRecord
from asem_core.registry import Entry, Names, Registry
from asem_core.specs import AnalysisSpec
from asem_core.volume.formats.ome_write import ArrayPlan, build_pyramid, create_ome_zarr

from .toy import OUTPUTS

SHAPE = (6, 7, 8)


@pytest.fixture
def toys(registry: Registry) -> Registry:
    """A registry whose analyses are toys: ``count``, and ``greedy``, which needs everything."""
    module = f"{__name__.rpartition('.')[0]}.toy"
    common = {"version": "1", "summary": "count voxels", "params": f"{module}:Params", "row": "object",
              "outputs": OUTPUTS}  # fmt: skip
    specs = (
        AnalysisSpec(name="count", fn=f"{module}:count", takes=("raw", "others"), **common),
        AnalysisSpec(name="greedy", fn=f"{module}:refuse", needs=("raw", "cell_mask"), **common),
    )
    plugin = PluginRecord(name="toy", distribution="asem-toy", version="2")
    entries = {spec.name: Entry(spec=spec, plugin=plugin) for spec in specs}
    registry.__dict__["analyses"] = Names(kind="analysis", entries=entries)
    return registry


def write(path: Path, array: Any, *, voxel_size=(5, 5, 5), lower=(0.0, 0.0, 0.0), labels=False) -> Path:
    """An OME-Zarr image, or a label image."""
    reduction: Any = "mode" if labels else "mean"
    output = create_ome_zarr(
        path,
        image=ArrayPlan(shape=array.shape, dtype=str(array.dtype), chunk=(4, 4, 4), reduction=reduction),
        labels={},
        voxel_size=VoxelSize(voxel_size),
        lower_edge_nm=lower,
        provenance={},
    )
    output.image[:] = array
    build_pyramid(output)
    return path


def probability() -> Any:
    values = np.zeros(SHAPE, np.uint8)
    values[1, 1, :4] = 127, 128, 200, 255
    return values


def test_tables_and_provenance(tmp_path: Path, toys: Registry) -> None:
    source, out = write(tmp_path / "p.zarr", probability()), tmp_path / "out"
    raw = write(tmp_path / "raw.zarr", np.full(SHAPE, 9, np.uint8))
    found = analyze(source, out, analysis="count", raw=raw, params={"factor": "2"}, registry=toys, block=(3, 3, 3))
    assert found["size_voxels"].values.tolist() == [3]
    with xr.open_zarr(out / "count.zarr") as stored:
        xr.testing.assert_equal(stored.load(), found)
        assert stored.attrs["asem"] == found.attrs["asem"]
    for rows in (pd.read_csv(out / "count.csv", index_col=0), pd.read_parquet(out / "count.parquet")):
        assert rows.to_dict("records") == [{"size_voxels": 3, "name": "whole"}]
        assert rows.index.tolist() == [1]
    about = json.loads((out / "analysis.json").read_text())
    assert about == {**found.attrs["asem"], "statistics": {"total": 3, "mean": None}}
    assert found.attrs["statistics"] == stored.attrs["statistics"] == about["statistics"]
    assert about["params"]["factor"] == 2
    assert about["threshold"] == 0.5
    assert about["plugin"] == {"distribution": "asem-toy", "version": "2"}
    assert about["inputs"]["raw"]["uri"] == str(raw)
    assert (out / "note.txt").read_text() == "3"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "p.zarr", "raw.zarr"]


def test_labels_are_told_from_probabilities(tmp_path: Path, toys: Registry) -> None:
    ids = probability()
    label_image = write(tmp_path / "l.zarr", ids, labels=True)
    assert analyze(label_image, tmp_path / "a", analysis="count", registry=toys)["size_voxels"].item() == 4
    wide = write(tmp_path / "w.zarr", ids.astype(np.uint16))
    assert analyze(wide, tmp_path / "b", analysis="count", registry=toys)["size_voxels"].item() == 4
    floats = write(tmp_path / "f.zarr", (ids / 255).astype(np.float32))
    assert analyze(floats, tmp_path / "c", analysis="count", registry=toys, threshold=0.9)["size_voxels"].item() == 1
    tifffile.imwrite(tmp_path / "t.tif", ids, photometric="minisblack")
    tiff = {"objects": tmp_path / "t.tif", "voxel_size": VoxelSize((5, 5, 5)), "registry": toys}
    with pytest.raises(VolumeError, match="--kind"):
        analyze(analysis="count", output=tmp_path / "d", **tiff)
    assert analyze(analysis="count", output=tmp_path / "d", kind="labels", **tiff)["size_voxels"].item() == 4
    assert analyze(analysis="count", output=tmp_path / "e", kind="probabilities", **tiff)["size_voxels"].item() == 3


def test_what_is_said_of_the_objects_is_not_said_of_others(tmp_path: Path) -> None:
    """A probability map of 3/255 nearly everywhere is no organelle that everything touches."""
    mito, er = np.zeros((16, 16, 32), np.uint8), np.full((16, 16, 32), 3, np.uint8)
    mito[4:12, 4:12, 4:12] = 1
    er[:, :, 28:] = 255
    for name, array in (("mito", mito), ("er", er)):
        tifffile.imwrite(tmp_path / f"{name}.tif", array, photometric="minisblack")
    write(tmp_path / "er.zarr", er)
    given = {"analysis": "contacts", "kind": "labels", "voxel_size": VoxelSize((5, 5, 5))}
    found = analyze(tmp_path / "mito.tif", tmp_path / "out", others={"er": tmp_path / "er.zarr"}, **given)
    assert not found.sizes["contact"]
    told = json.loads((tmp_path / "out/analysis.json").read_text())
    assert (told["kind"], told["other_kinds"]) == ("labels", {"er": "probabilities"})
    given["others"] = {"er": tmp_path / "er.tif"}
    with pytest.raises(VolumeError, match="--other-kind er=labels"):
        analyze(tmp_path / "mito.tif", tmp_path / "no", **given)
    found = analyze(tmp_path / "mito.tif", tmp_path / "other", other_kinds={"er": "probabilities"}, **given)
    assert not found.sizes["contact"]
    with pytest.raises(VolumeError, match="--other-kind golgi: no --other has that name; there are: er"):
        analyze(tmp_path / "mito.tif", tmp_path / "no", other_kinds={"golgi": "labels"}, **given)


@pytest.mark.parametrize(("dtype", "message"), [("f4", "write labels as integers"), ("u2", "grey image")])
def test_images_are_no_objects(tmp_path: Path, dtype: str, message: str) -> None:
    grey = np.random.default_rng(0).integers(100, 200, (16, 16, 16)).astype(dtype)
    with pytest.raises(VolumeError, match=message):
        analyze(write(tmp_path / "g.zarr", grey), tmp_path / "out", analysis="objects")


def test_raw_is_cut_to_the_objects(tmp_path: Path, toys: Registry, caplog: pytest.LogCaptureFixture) -> None:
    source = write(tmp_path / "p.zarr", probability(), lower=(10.0, 0.0, 0.0))
    raw = write(tmp_path / "raw.zarr", np.zeros((10, 7, 8), np.uint8))
    analyze(source, tmp_path / "out", analysis="count", raw=raw, registry=toys)
    assert "is cut to" in caplog.text


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"voxel_size": (4, 4, 4)}, "has voxels of 4 x 4 x 4 nm"),
        ({"lower": (3.0, 0.0, 0.0)}, "expected whole voxels"),
        ({"lower": (50.0, 0.0, 0.0)}, "does not cover"),
    ],
)
def test_inputs_of_different_grids(tmp_path: Path, toys: Registry, raw: dict[str, Any], message: str) -> None:
    source = write(tmp_path / "p.zarr", probability(), lower=(5.0, 0.0, 0.0))
    other = write(tmp_path / "raw.zarr", np.zeros((5, 7, 8), np.uint8), **raw)
    with pytest.raises(GeometryError, match=message):
        analyze(source, tmp_path / "out", analysis="count", raw=other, registry=toys)
    assert not (tmp_path / "out").exists()


def test_a_voxel_size_in_another_unit(tmp_path: Path, toys: Registry) -> None:
    source = write(tmp_path / "p.zarr", probability(), voxel_size=(0.005, 0.005, 0.005))
    with pytest.raises(GeometryError, match=r"count measures at 0\.1 to 10000 nm: correct the size"):
        analyze(source, tmp_path / "out", analysis="count", registry=toys)
    assert not (tmp_path / "out").exists()


def test_nan_is_named(tmp_path: Path, toys: Registry) -> None:
    values = np.zeros(SHAPE, np.float32)
    values[2, 3, 4] = np.nan
    with pytest.raises(VolumeError, match=r"voxel 2,3,4 \(z,y,x\) is nan"):
        analyze(write(tmp_path / "p.zarr", values), tmp_path / "out", analysis="count", registry=toys)


def test_wrong_use(tmp_path: Path, toys: Registry) -> None:
    source, out = write(tmp_path / "p.zarr", probability()), tmp_path / "out"
    with pytest.raises(PluginError, match="installed: count, greedy"):
        analyze(source, out, analysis="counts", registry=toys)
    with pytest.raises(PluginError, match="has no parameter"):
        analyze(source, out, analysis="count", params={"most": 3}, registry=toys)
    with pytest.raises(AsemError, match="greedy needs cell mask"):
        analyze(source, out, analysis="greedy", raw=source, registry=toys)
    with pytest.raises(AsemError, match="has no use for cell mask; beside objects it takes raw, others"):
        analyze(source, out, analysis="count", cell_mask=source, registry=toys)
    with pytest.raises(PluginError, match="None where a number is missing"):
        analyze(source, out, analysis="count", params={"mode": "two"}, registry=toys)
    with pytest.raises(VolumeError, match="threshold"):
        analyze(source, out, analysis="count", threshold=0, registry=toys)
    assert not out.exists()


def test_only_an_analysis_is_replaced(tmp_path: Path, toys: Registry) -> None:
    source, out = write(tmp_path / "p.zarr", probability()), tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").touch()
    with pytest.raises(OutputError, match="not only, an analysis that ASEM wrote"):
        analyze(source, out, analysis="count", registry=toys, overwrite=True)
    other = tmp_path / "other"
    analyze(source, other, analysis="count", registry=toys)
    with pytest.raises(OutputError, match="exists already"):
        analyze(source, other, analysis="count", registry=toys)
    analyze(source, other, analysis="count", registry=toys, overwrite=True, params={"least": 3})
    assert pd.read_csv(other / "count.csv").empty
    (other / "note.txt").write_text("edited")
    with pytest.raises(OutputError, match="is not replaced"):
        analyze(source, other, analysis="count", registry=toys, overwrite=True)
    assert (other / "note.txt").read_text() == "edited"
