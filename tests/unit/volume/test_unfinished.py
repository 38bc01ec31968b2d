"""What is not whole is not data, wherever it was moved and however it is addressed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from asem_core.blocks.fill import Run
from asem_core.blocks.job import Job, run
from asem_core.blocks.journal import journal_path
from asem_core.errors import BlockError, UnfinishedError, VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.volume import open_labels, open_volume
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan
from asem_core.volume.formats.tiff_write import TiffPlan
from asem_core.volume.unfinished import MARK_FILE, Unfinished, find_unfinished, mark_finished, mark_unfinished

from ...web_server import serve

SHAPE = (4, 6, 130)
FIVE = VoxelSize((5, 5, 5))
MARK = Unfinished(command="asem x again", fingerprint="abc")


def begin(out: Path, *, fails: bool = True, version: str = "0.4") -> None:
    """A run whose second half fails."""
    array = ArrayPlan(shape=SHAPE, dtype="uint8", chunk=(2, 6, 64))
    plan = OmePlan(
        image=array,
        labels={"mito": array},
        voxel_size=FIVE,
        lower_edge_nm=(0, 0, 0),
        ome_version=version,  # type: ignore[arg-type]
    )
    tiff = TiffPlan(
        shape=SHAPE, dtype="uint8", stack=out.suffix == ".tif", first=0, voxel_size=FIVE, lower_edge_nm=(0, 0, 0)
    )

    def one(box: Box) -> dict[str, np.ndarray]:
        if fails and box.start[0]:
            raise VolumeError("torn")
        return dict.fromkeys((IMAGE, "mito"), np.ones(box.shape, np.uint8))

    def fill(run: Run) -> None:
        run.each("filling", list(Box.of_shape(SHAPE).tiles((2, 6, 130))), one)

    job = Job(
        verb="asem fill",
        destination=out,
        plan=plan if out.suffix == ".zarr" else tiff,
        fill=fill,
        inputs={},
        provenance={"first_section": 3},
    )
    if fails:
        with pytest.raises(BlockError):
            run(job)
    else:
        run(job)


@pytest.fixture(params=["0.4", "0.5"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An OME-Zarr that is not whole, and has lost its journal."""
    path = tmp_path / "out.zarr"
    begin(path, version=request.param)
    journal_path(path).unlink()
    return path


INSIDE = ("", "0", "1", "labels/mito", "labels/mito/0", "labels/mito/1")


@pytest.mark.parametrize("inside", INSIDE)
def test_no_part_of_it_is_data(out: Path, inside: str) -> None:
    with pytest.raises(
        UnfinishedError, match=r"is unfinished: .*; finish it with: the same call again .*--allow-unfin"
    ):
        open_volume(out / inside)
    assert open_volume(out / inside, allow_unfinished=True).dtype == np.uint8


def test_labels_of_it_are_no_data(out: Path) -> None:
    with pytest.raises(UnfinishedError):
        open_labels(out, "mito")
    found = open_labels(out, "mito", allow_unfinished=True)
    assert found.read(Box((0, 0, 0), (2, 6, 130))).all()


def test_it_is_known_wherever_it_goes(out: Path, tmp_path: Path) -> None:
    moved = tmp_path / "mine" / "cell_3.zarr"
    moved.parent.mkdir()
    out.rename(moved)
    (tmp_path / "link.zarr").symlink_to(moved)
    (tmp_path / "labels").symlink_to(moved / "labels/mito")
    (tmp_path / "level").symlink_to(moved / "labels/mito/0")
    shutil.copytree(moved, tmp_path / "copy.zarr")
    addresses = [
        "mine/cell_3.zarr",
        "link.zarr",
        "labels",
        "level",
        "copy.zarr",
        "copy.zarr/labels/mito/0",
        "mine/../labels",
    ]
    for address in addresses:
        with pytest.raises(UnfinishedError):
            open_volume(tmp_path / address)


@pytest.mark.parametrize("inside", INSIDE)
def test_it_is_known_on_a_server(out: Path, inside: str) -> None:
    pytest.importorskip("aiohttp", reason="HTTP needs the extra asem-core[http]")
    with serve(out.parent) as server:
        address = f"{server.url}/out.zarr/{inside}".rstrip("/")
        with pytest.raises(UnfinishedError, match=f"{address} is unfinished"):
            open_volume(address)
        assert open_volume(address, allow_unfinished=True).dtype == np.uint8
        begin(out.with_name("whole.zarr"), fails=False)
        assert open_volume(f"{server.url}/whole.zarr/{inside}".rstrip("/")).dtype == np.uint8


def test_a_whole_one_is_data(tmp_path: Path) -> None:
    begin(tmp_path / "out.zarr")
    begin(tmp_path / "out.zarr", fails=False)
    found = open_volume(tmp_path / "out.zarr")
    assert found.first_section == 3
    assert found.read(found.box).all()
    assert find_unfinished(tmp_path / "out.zarr") is None


def test_in_a_container_of_somebodys(out: Path, tmp_path: Path) -> None:
    import zarr

    root = zarr.create_group(tmp_path / "study.zarr", zarr_format=2)
    root.create_array("whole", data=np.ones((2, 2, 2), np.uint8)).attrs["resolution"] = [5, 5, 5]
    out.rename(tmp_path / "study.zarr" / "part.zarr")
    with pytest.raises(UnfinishedError):
        open_volume(tmp_path / "study.zarr/part.zarr/0")
    assert open_volume(tmp_path / "study.zarr/whole").shape == (2, 2, 2)


@pytest.mark.parametrize("name", ["out", "out.tif"])
def test_tiff_is_hidden_until_it_is_whole(tmp_path: Path, name: str) -> None:
    out, hidden = tmp_path / name, tmp_path / f".{name}.unfinished"
    begin(out)
    assert hidden.exists()
    with pytest.raises(VolumeError, match="there is no such file"):
        open_volume(out)
    begin(out, fails=False)
    assert not hidden.exists()
    assert open_volume(out).shape == SHAPE


def test_sections_that_were_moved_say_so(tmp_path: Path) -> None:
    begin(tmp_path / "out")
    (tmp_path / ".out.unfinished").rename(tmp_path / "mine")
    for address in ("mine", "mine/section_0000.tif"):
        with pytest.raises(UnfinishedError):
            open_volume(tmp_path / address, voxel_size=FIVE)
    assert open_volume(tmp_path / "mine", allow_unfinished=True).shape == SHAPE


def test_marks_come_and_go_and_nothing_else_changes(tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    begin(out, fails=False)
    before = (out / ".zattrs").read_bytes()
    mark_unfinished(out, MARK)
    assert find_unfinished(out) == MARK
    assert json.loads((out / ".zattrs").read_text())["asem"]["unfinished"] == MARK.mark
    mark_unfinished(out, MARK)
    mark_finished(out)
    mark_finished(out)
    assert (out / ".zattrs").read_bytes() == before


@pytest.mark.parametrize("content", ["{", "[]", "7"])
def test_a_damaged_mark_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / MARK_FILE).write_text(content)
    with pytest.raises(VolumeError, match=f"{MARK_FILE}: "):
        find_unfinished(tmp_path)
