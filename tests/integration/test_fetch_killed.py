"""A fetch over HTTP that is killed in the middle and run again, by the user's commands; the server is a local one."""

from __future__ import annotations

import functools
import http.server
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zarr

from asem_core.blocks.journal import load
from asem_core.blocks.verify import verify
from asem_core.volume import open_labels, open_volume

pytest.importorskip("aiohttp", reason="HTTP needs the extra asem-core[http]")

DELAY = 0.05
"""Seconds that every chunk takes: time to kill the fetch in."""
SIDE = 192
PLUGIN = """
import sys
from types import SimpleNamespace
import importlib_metadata
from asem_core.datasets import fetch
from asem_core.hookspecs import hookimpl
from asem_core.specs import DatasetSpec

spec = DatasetSpec(
    name="toy", uri=sys.argv.pop(1), image="volumes/raw", voxel_size_nm=(5, 5, 5), licence="CC0", citation="nobody",
    labels={"er": {"path": "volumes/labels/er"}},
)
plugin = SimpleNamespace(asem_register_datasets=hookimpl(lambda: [spec]))
entry = SimpleNamespace(name="toy", dist=None, load=lambda: plugin)
importlib_metadata.entry_points = lambda group: [entry]
fetch.BLOCK_BYTES = 2 * 64**3
from asem_core.cli.main import main
main()
"""


class _Slow(http.server.SimpleHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        if self.path.rpartition("/")[2].isdigit() or self.path.rpartition("/")[2].count(".") == 2:
            self.asked.append(self.path)
            time.sleep(DELAY)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of a served cell, and the chunks that were asked for."""
    rng = np.random.default_rng(0)
    root = zarr.create_group(tmp_path / "www" / "cell.zarr", zarr_format=2)
    for name in ("raw", "labels/er"):
        values = rng.integers(0, 2, (SIDE,) * 3).astype(np.uint8)
        array = root.create_array(f"volumes/{name}", data=values, chunks=(64,) * 3)
        array.attrs.update({"resolution": [5, 5, 5], "offset": [0, 0, 0]})
    handler = type("Handler", (_Slow,), {"asked": []})
    served = functools.partial(handler, directory=str(tmp_path / "www"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), served)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/cell.zarr", handler.asked  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_killed_fetch_goes_on(served: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = served
    output = tmp_path / "out.zarr"
    command = [sys.executable, "-c", PLUGIN, address, "datasets", "fetch", "toy", "-o", str(output), "--whole"]
    command += ["--organelle", "er"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = None
    deadline = time.monotonic() + 60
    while (journal is None or not len(journal.done("fetching")) >= 3) and time.monotonic() < deadline:
        time.sleep(0.02)
        journal = load(output)
    first.send_signal(signal.SIGKILL)
    first.wait()
    stopped = load(output)
    assert stopped is not None
    done = len(stopped.done("fetching"))
    assert 3 <= done < 27
    assert not verify(output).sound
    asked.clear()
    second = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert second.returncode == 0, second.stderr
    assert len(asked) == 2 * (27 - done)
    assert verify(output).sound
    for volume, name in ((open_volume(output), "raw"), (open_labels(output, "er"), "labels/er")):
        source = zarr.open_array(tmp_path / "www/cell.zarr/volumes" / name, mode="r")
        np.testing.assert_array_equal(volume.read(volume.box), source[:])
