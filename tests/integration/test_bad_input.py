"""What a user types wrongly: one line that says what to do, exit code 2, nothing half-written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from ..forks import Forks

RUN = "import sys; from asem_core.cli.main import main; sys.argv[0] = 'asem'; main()"


def write_sections(folder: Path, shape: tuple[int, ...] = (8, 20, 30), dtype: str = "uint8") -> Path:
    folder.mkdir()
    image = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    for z, section in enumerate(image):
        tifffile.imwrite(folder / f"s_{z:03d}.tif", section)
    return folder


def write_array(path: Path, values: Any, **attributes: Any) -> Path:
    array = zarr.create_array(path, data=np.asarray(values))
    array.attrs.update({"resolution": [10, 10, 10], **attributes})
    return path


def truncated(folder: Path) -> Path:
    path = write_sections(folder) / "s_003.tif"
    path.write_bytes(path.read_bytes()[:-50])
    return folder


def mixed(folder: Path) -> Path:
    tifffile.imwrite(write_sections(folder) / "s_003.tif", np.zeros((21, 30), np.uint8))
    return folder


def rgb(folder: Path) -> Path:
    folder.mkdir()
    tifffile.imwrite(folder / "s_000.tif", np.zeros((20, 30, 3), np.uint8), photometric="rgb")
    return folder


def foreign(folder: Path) -> Path:
    folder.mkdir()
    (folder / "notes.txt").write_text("no image here")
    return folder


def nan(path: Path) -> Path:
    values = np.full((8, 8, 8), 0.5, np.float32)
    values[1, 2, 3] = np.nan
    return write_array(path, values)


CASES: dict[str, tuple[Callable[[Path], Path], list[str], str]] = {
    "missing voxel size": (write_sections, [], "--voxel-size"),
    "truncated TIFF": (truncated, ["--voxel-size", "10"], "s_003.tif"),
    "no TIFF": (foreign, ["--voxel-size", "10"], "notes.txt"),
    "mixed shapes": (mixed, ["--voxel-size", "10"], "s_003.tif"),
    "RGB": (rgb, ["--voxel-size", "10"], "RGB"),
    "NaN": (nan, [], "1,2,3"),
    "two-dimensional": (lambda p: write_array(p, np.zeros((8, 8), np.uint8), resolution=[10, 10]), [], "3D image"),
    "empty": (lambda p: write_array(p, np.zeros((0, 8, 8), np.uint8)), [], "empty"),
    "not there": (lambda p: p, [], "no such file"),
    "ROI outside": (lambda p: write_array(p, np.zeros((8, 8, 8), np.uint8)), ["--roi", "0:9,0:8,0:8"], "0:9,0:8,0:8"),
    "ROI of letters": (lambda p: write_array(p, np.zeros((8, 8, 8), np.uint8)), ["--roi", "a:b"], "z0:z1,y0:y1,x0:x1"),
    "unknown model": (lambda p: write_array(p, np.zeros((8, 8, 8), np.uint8)), ["--model", "best"], "mito-10nm"),
    "unknown runtime": (lambda p: write_array(p, np.zeros((8, 8, 8), np.uint8)), ["--runtime", "gpu"], "onnxruntime"),
    "odd tile": (lambda p: write_array(p, np.zeros((8, 8, 8), np.uint8)), ["--tile", "201"], "112, 120, 128"),
    "tiny memory": (lambda p: write_array(p, np.zeros((8, 8, 8), np.uint8)), ["--max-memory", "10MB"], "--max-memory"),
    "far voxel size": (
        lambda p: write_array(p, np.zeros((8, 8, 8), np.uint8), resolution=[100] * 3),
        [],
        "more than 8",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_and_nothing_written(case: str, forks: Forks, tmp_path: Path) -> None:
    make, options, told = CASES[case]
    volume = make(tmp_path / "input.zarr" if "input" in case else tmp_path / "input")
    before = sorted(tmp_path.rglob("*"))
    words = ("segment", volume, "--organelle", "mito", "-o", tmp_path / "out.zarr", *options)
    found = forks.run(words, tmp_path)
    assert found.code == 2, found.told
    lines = found.told.strip().splitlines()
    assert len(lines) == 1, found.told
    assert lines[0].startswith("asem: ")
    assert told in lines[0]
    assert sorted(tmp_path.rglob("*")) == before


def test_unknown_organelle_lists_the_installed(forks: Forks, tmp_path: Path) -> None:
    volume = write_array(tmp_path / "input", np.zeros((8, 8, 8), np.uint8))
    found = forks.run(("segment", volume, "--organelle", "mitos", "-o", tmp_path / "out.zarr"), tmp_path)
    assert found.code == 2
    assert "installed: ccp, er, golgi, mito, nucleus, pore" in found.told
    assert "did you mean 'mito'" in found.told


def test_output_exists(forks: Forks, tmp_path: Path) -> None:
    volume = write_array(tmp_path / "input", np.zeros((8, 8, 8), np.uint8))
    (tmp_path / "out.zarr").mkdir()
    (tmp_path / "out.zarr" / "precious").touch()
    for more in ([], ["--overwrite"]):
        words = ("segment", volume, "--organelle", "mito", "-o", tmp_path / "out.zarr", *more)
        found = forks.run(words, tmp_path)
        assert found.code == 2, found.told
        assert len(found.told.strip().splitlines()) == 1
        assert (tmp_path / "out.zarr" / "precious").exists()


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    """A plugin whose ONNX file is not the one that its manifest states."""
    import asem_organelle_mito

    package = tmp_path / "plugins" / "asem_organelle_mito"
    shutil.copytree(Path(str(asem_organelle_mito.__file__)).parent, package)
    for weights in package.rglob("weights.onnx"):
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    volume = write_array(tmp_path / "input", np.zeros((8, 8, 8), np.uint8))
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'plugins')!r}); " + RUN
    words = ["segment", str(volume), "--organelle", "mito", "-o", str(tmp_path / "out.zarr")]
    found = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert found.returncode == 2, found.stderr
    assert "sha256" in found.stderr
    assert not (tmp_path / "out.zarr").exists()


def test_too_little_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy: Any, registry: Any, as_volume: Any
) -> None:
    from asem_core import segment
    from asem_core.errors import OutputError

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(OutputError, match=r"the disk has 1 kB left"):
        segment(
            as_volume(np.zeros((64, 64, 64), np.uint8)),
            tmp_path / "out.zarr",
            organelle=toy.organelle,
            registry=registry,
            max_memory=2 * 10**9,
        )
    assert not list(tmp_path.iterdir())
