"""napari in a virtual display: skipped, with the reason, where one of the two is missing.

Pictures of the window, for somebody to look at, are kept in the folder ``$ASEM_PICTURES``, where it is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asem_core import convert
from asem_core.volume import Volume

from ..cells import VOXELS, make_cell

HERE = Path(__file__).parent
PATIENCE_S = 3600
"""Only what hangs takes as long, however busy the machine is."""
PICTURES = os.environ.get("ASEM_PICTURES")


def missing() -> str | None:
    """Why there can be no window here."""
    if find_spec("napari") is None:
        return "no napari: make test-napari installs it"
    if not os.environ.get("DISPLAY") and shutil.which("Xvfb") is None:
        return "no display and no Xvfb: apt-get install xvfb libgl1-mesa-dri (make test-napari does)"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings of napari and Qt are theirs; without them nothing runs."""
    why = missing()
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            if why is not None:
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def display() -> Iterator[None]:
    """A screen that nobody sees, where there is none."""
    if os.environ.get("DISPLAY"):
        yield
        return
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as number:
        os.environ["DISPLAY"] = f":{number.readline().strip()}"
    yield
    del os.environ["DISPLAY"]
    server.terminate()
    server.wait()


@pytest.fixture
def viewer(display: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A window of napari, in a folder and with settings of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "napari.yaml"))
    from napari import Viewer

    opened = Viewer()
    yield opened
    opened.close()


@pytest.fixture
def picture(viewer: Any) -> Callable[[str], None]:
    """Keep a picture of the window under a name, where there is a folder for it."""

    def keep(name: str) -> None:
        if PICTURES is None:
            return
        # The window stays as large as it is: in one of 1400 x 860 Mesa 22.3.6 ended the process where a layer had been
        # removed (test_what_is_missing_is_said_in_a_line).
        viewer.screenshot(str(Path(PICTURES) / f"{name}.png"), canvas_only=False, flash=False)

    if PICTURES is not None:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
    return keep


@pytest.fixture
def wait() -> Callable[[Callable[[], bool]], None]:
    """Let the window work until something is so."""
    from qtpy.QtWidgets import QApplication

    def until(so: Callable[[], bool]) -> None:
        began = time.monotonic()
        while not so():
            assert time.monotonic() - began < PATIENCE_S
            QApplication.processEvents()
            time.sleep(0.01)

    return until


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """The image of `cells.make_cell`, with a pyramid of two levels, its voxel 0 at (100, 200, 300) nm."""
    grey, _ = make_cell()
    wide = np.concatenate([grey] * 4, axis=2)
    volume = Volume(
        array=wide, voxel_size=VOXELS, lower_edge_nm=(100, 200, 300), uri="memory", format="memory", chunks=(16, 16, 16)
    )
    convert(volume, tmp_path / "cell.zarr")
    return tmp_path / "cell.zarr"
