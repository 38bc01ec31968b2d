"""The guard of everything that is written: where it may lie, what it may replace, who writes it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from asem_core.errors import OutputError
from asem_core.volume import output
from asem_core.volume.contents import RECORD, add_to_contents, is_as_written, record_contents
from asem_core.volume.output import (
    Replaceable,
    check_destination,
    check_folder,
    complete_or_absent,
    held,
    place_of,
    scratch_beside,
)

TEXT = Replaceable(name="a text", recognise=lambda path: path.is_file() and path.read_text().startswith("ours"))


def write(path: Path, text: str, *, overwrite: bool = False, **options: object) -> None:
    with complete_or_absent(path, needed_bytes=0, overwrite=overwrite, kind=TEXT, **options) as partial:  # type: ignore[arg-type]
        partial.write_text(text)


def stopped(path: Path) -> None:
    with complete_or_absent(path, needed_bytes=0, overwrite=False) as partial:
        partial.write_text("half")
        raise KeyboardInterrupt


def overtaken(path: Path) -> None:
    with complete_or_absent(path, needed_bytes=0, overwrite=False) as partial:
        partial.write_text("ours")
        path.write_text("somebody's")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_complete_or_absent(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folders" / "out.txt"
    with pytest.raises(KeyboardInterrupt):
        stopped(file)
    assert names(tmp_path) == [], "folders that were made for nothing go too"
    write(file, "ours")
    assert names(file.parent) == ["out.txt"]
    with pytest.raises(OutputError, match="exists already; use --overwrite"):
        write(file, "ours, newer")
    write(file, "ours, newer", overwrite=True)
    assert file.read_text() == "ours, newer"
    file.write_text("edited")
    with pytest.raises(OutputError, match=r"is not replaced: it is not, or not only, a text.*remove it by hand"):
        write(file, "ours", overwrite=True)
    assert file.read_text() == "edited"


def test_an_empty_folder_is_somebodys(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"exists already|is not replaced"):
            write(tmp_path / "out", "ours", overwrite=overwrite)
    assert names(tmp_path) == ["out"]


def test_what_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    with pytest.raises(OutputError, match="exists already"):
        overtaken(file)
    assert file.read_text() == "somebody's"
    assert names(tmp_path) == ["out.txt"]


def test_what_was_there_comes_back_when_it_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "out.txt"
    write(file, "ours")
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OutputError, match="no space left on the disk"):
        write(file, "ours, newer", overwrite=True)
    assert file.read_text() == "ours"
    assert names(tmp_path) == ["out.txt"]


def test_leftovers_of_a_kill_are_no_obstacle(tmp_path: Path) -> None:
    for what in ("partial", "lock", "old", "work"):
        (tmp_path / f".out.txt.{what}").write_text("left")
    with complete_or_absent(tmp_path / "out.txt", needed_bytes=0, overwrite=False) as partial:
        with scratch_beside(tmp_path / "out.txt") as scratch:
            assert names(scratch) == []
        partial.write_text("ours")
    assert names(tmp_path) == ["out.txt"]


def test_room_is_asked_for_before(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="make room"),
        complete_or_absent(tmp_path / "new" / "out", needed_bytes=2**60, overwrite=False),
    ):
        raise AssertionError
    assert names(tmp_path) == []


@pytest.mark.parametrize("where", ["http://x.org/out", "s3://bucket/out", "https:/x.org/out"])
def test_outputs_are_local(where: str) -> None:
    with pytest.raises(OutputError, match="give a path"):
        place_of(Path(where))


def test_a_home_folder_and_links_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place_of(Path("~/new/out")) == tmp_path / "new" / "out"
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert place_of(tmp_path / "link" / "x" / ".." / "out") == tmp_path / "disk" / "out"


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "unmounted")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for path in (tmp_path / "link", tmp_path / "link" / "new" / "out"):
        with pytest.raises(OutputError, match=r"is a link to .*unmounted, which does not exist"):
            place_of(path)
        with pytest.raises(OutputError, match=r"is a link to .*unmounted, which does not exist"):
            check_folder(path)
    with pytest.raises(OutputError):
        place_of(tmp_path / "circle" / "out")
    assert names(tmp_path) == ["circle", "link"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file, not a folder"):
        place_of(tmp_path / "file" / "out")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        check_folder(tmp_path / "file")


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """A Zarr container with an array deep inside."""
    zarr.create_group(tmp_path / "cell.zarr", zarr_format=2).create_array(
        "volumes/raw", data=np.zeros((2, 2, 2), np.uint8)
    )
    return tmp_path / "cell.zarr"


def test_outputs_lie_apart_from_inputs(tmp_path: Path, container: Path) -> None:
    (tmp_path / "link.zarr").symlink_to(container)
    inner = container / "volumes" / "raw"
    for read in (container, inner, str(inner), tmp_path / "link.zarr" / "volumes"):
        for out in (
            container,
            inner,
            container / "new",
            container / "volumes" / ".." / "new",
            tmp_path / "link.zarr" / "new",
            tmp_path,
        ):
            with pytest.raises(OutputError, match=r"would lie in, or replace, what is read \(.*cell\.zarr\)"):
                place_of(out, inputs=[read])
        place_of(tmp_path / "cell2.zarr", inputs=[read])


def test_hidden_files_of_a_run_lie_apart_from_inputs_too(tmp_path: Path) -> None:
    journal = tmp_path / "out.zarr.journal.jsonl"
    journal.write_text("mine")
    with pytest.raises(OutputError, match="would lie in, or replace"):
        place_of(tmp_path / "out.zarr", inputs=[journal])


def test_hard_links_are_known(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("read")
    os.link(tmp_path / "a", tmp_path / "b")
    with pytest.raises(OutputError, match="would lie in, or replace"):
        place_of(tmp_path / "b", inputs=[tmp_path / "a"])


def test_a_shared_folder_may_hold_inputs(tmp_path: Path, container: Path) -> None:
    assert check_folder(tmp_path, inputs=[container]) == tmp_path
    for inside in (container, container / "pictures"):
        with pytest.raises(OutputError, match="would lie in"):
            check_folder(inside, inputs=[container])


def test_sections_are_ours_only_if_all_are(tmp_path: Path) -> None:
    for z in range(2):
        tifffile.imwrite(tmp_path / f"s_{z}.tif", np.zeros((4, 4), np.uint8))
    with pytest.raises(OutputError, match="not only, a volume that ASEM wrote"):
        check_destination(tmp_path, overwrite=True)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    with complete_or_absent(file, needed_bytes=0, overwrite=False) as partial:
        partial.write_text("ours")
        with pytest.raises(OutputError, match="is being written by another process"):
            write(file, "ours, other")
    write(tmp_path / "other.txt", "ours")


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from asem_core.volume.output import held
with held(Path({str(tmp_path / "out")!r})):
    print("held", flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(OutputError, match="is being written by another process"), held(tmp_path / "out"):
            raise AssertionError
        other.kill()
        other.wait()
    assert names(tmp_path) == [".out.lock"], "what a kill leaves"
    with held(tmp_path / "out"):
        pass
    assert names(tmp_path) == []


def test_of_many_only_one_holds(tmp_path: Path) -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            try:
                with held(tmp_path / "out"):
                    with lock:
                        inside += 1
                        most = max(most, inside)
                    with lock:
                        inside -= 1
            except OutputError:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert names(tmp_path) == []


def test_errors_of_the_disk_are_one_line(tmp_path: Path) -> None:
    for number, said in ((28, "no space left on the disk"), (13, "cannot be written: Permission denied")):
        with (
            pytest.raises(OutputError, match=said),
            complete_or_absent(tmp_path / "out", needed_bytes=0, overwrite=False),
        ):
            raise OSError(number, os.strerror(number))
    assert names(tmp_path) == []
    assert output.is_no_space(OSError(122, "quota"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.txt").write_text("b")
    record_contents(folder, made_by="asem test")
    return folder


def test_contents_that_nobody_touched(folder: Path) -> None:
    assert is_as_written(folder, made_by="asem test")
    assert not is_as_written(folder, made_by="asem other")
    (folder / "sub" / "b.txt").unlink()
    (folder / ".report.html.partial").touch()
    assert is_as_written(folder, made_by="asem test"), "what is missing is not lost, what a kill left is ours"


@pytest.mark.parametrize("name", ["a.txt", "c.txt", "sub/b.txt", "sub/c.txt", ".c", RECORD])
def test_contents_that_somebody_changed(folder: Path, name: str) -> None:
    (folder / name).write_text("mine")
    assert not is_as_written(folder, made_by="asem test")


def test_a_link_in_a_folder_is_somebodys(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (folder / "data").symlink_to(tmp_path / "data")
    assert not is_as_written(folder, made_by="asem test")


def test_contents_may_grow(folder: Path, tmp_path: Path) -> None:
    page = folder / "report.html"
    page.write_text("page")
    assert not is_as_written(folder, made_by="asem test")
    add_to_contents(page)
    assert is_as_written(folder, made_by="asem test")
    add_to_contents(tmp_path / "elsewhere.html")
    assert names(tmp_path) == ["out"]
