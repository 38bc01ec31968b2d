"""``asem info`` for readers and for scripts."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr
from click.testing import CliRunner

from asem_core.cli.convert import convert
from asem_core.cli.info import info


@pytest.fixture
def cell(tmp_path):
    array = zarr.create_array(tmp_path / "in.zarr", data=np.zeros((8, 140, 16), np.uint16), chunks=(8, 8, 8))
    array.attrs.update({"resolution": [5, 4, 4], "offset": [10, 0, 0]})
    CliRunner().invoke(convert, [str(tmp_path / "in.zarr"), str(tmp_path / "cell.zarr")], catch_exceptions=False)
    return tmp_path / "cell.zarr"


def test_json(cell):
    result = CliRunner().invoke(info, [str(cell), "--json"], catch_exceptions=False)
    facts = json.loads(result.output)
    assert facts["shape"] == [8, 140, 16]
    assert facts["dtype"] == "uint16"
    assert facts["voxel_size_nm"] == [5, 4, 4]
    assert facts["lower_edge_nm"] == [10, 0, 0]
    assert facts["levels"] == [[8, 140, 16], [4, 70, 8]]
    assert facts["provenance"]["source"]["uri"].endswith("in.zarr")


def test_text(cell):
    result = CliRunner().invoke(info, [str(cell)], catch_exceptions=False)
    assert "8 x 140 x 16 voxels, uint16" in result.output
    assert "5 x 4 x 4 nm" in result.output
    assert "0.04 x 0.56 x 0.064 um" in result.output
    last = result.output.splitlines()[-1]
    assert last.startswith("made by     asem convert, version ")
    assert last.endswith("in.zarr")


def test_help_has_an_example():
    assert "asem info cell.zarr" in CliRunner().invoke(info, ["--help"]).output


def test_grey_levels_and_what_is_wrong_with_them(tmp_path):
    image = np.random.default_rng(0).integers(0, 4096, (8, 80, 80)).astype(np.uint16)
    for name, values in (("twelve", image), ("signed", image.astype(np.int16))):
        array = zarr.create_array(tmp_path / f"{name}.zarr", data=values, chunks=(8, 40, 40))
        array.attrs.update({"resolution": [5, 4, 4]})
        text = CliRunner().invoke(info, [str(tmp_path / f"{name}.zarr")], catch_exceptions=False).output
        facts = json.loads(CliRunner().invoke(info, [str(tmp_path / f"{name}.zarr"), "--json"]).output)
        assert "(1st to 99th percentile)" in text
        assert facts["grey"]["low"] == pytest.approx(np.percentile(values, 1), abs=40)
        assert "--grey auto" in facts["warning"]
        assert facts["warning"] in text


def test_a_volume_that_cannot_be_read_is_still_described(tmp_path):
    array = zarr.create_array(tmp_path / "cut.zarr", data=np.ones((8, 8, 8), np.uint8), chunks=(8, 8, 8))
    array.attrs.update({"resolution": [5, 5, 5]})
    (chunk,) = (path for path in (tmp_path / "cut.zarr").rglob("*") if path.is_file() and path.suffix != ".json")
    chunk.write_bytes(b"no chunk")
    result = CliRunner().invoke(info, [str(tmp_path / "cut.zarr")], catch_exceptions=False)
    assert "8 x 8 x 8 voxels" in result.output
    assert "no sample of the voxels could be read" in result.output
