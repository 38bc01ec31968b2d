"""Downloads over HTTP: complete or resumable, never wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asem_core.errors import ModelError
from asem_core.zoo import download as module
from asem_core.zoo.download import download

pytest.importorskip("aiohttp", reason="downloads need aiohttp: pip install 'asem-core[http]'")


class _Handler(SimpleHTTPRequestHandler):
    """Knows ranges where the server says so, and hangs up after ``server.limit`` answers."""

    server: Any

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        if self.server.limit is not None and len(self.server.ranges) > self.server.limit:
            self.connection.close()
            return
        if wanted is None or not self.server.knows_ranges:
            super().do_GET()
            return
        start, _, stop = wanted.removeprefix("bytes=").partition("-")
        content = Path(self.translate_path(self.path)).read_bytes()
        part = content[int(start) : int(stop) + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{stop}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def content() -> bytes:
    return np.random.default_rng(1).bytes(10_500)


@pytest.fixture
def web(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server of ``weights.pt``; pieces are 1000 bytes."""
    monkeypatch.setattr(module, "PIECE_BYTES", 1000)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/weights.pt").write_bytes(content)
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(tmp_path / "site")))
    server.ranges, server.limit, server.knows_ranges = [], None, True
    server.url = f"http://127.0.0.1:{server.server_port}/weights.pt"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_that_broke_goes_on_where_it_was(web: Any, tmp_path: Path, content: bytes) -> None:
    target = tmp_path / "store/weights.pt"
    web.limit = 4
    with pytest.raises(ModelError, match=r"4000 of 10500 bytes are here, the same command goes on from there"):
        download(web.url, target)
    assert not target.exists()
    web.limit, web.ranges[:] = None, []
    told: list[tuple[str, int, int]] = []
    found = download(web.url, target, progress=lambda *values: told.append(values))
    assert target.read_bytes() == content
    assert found == hashlib.sha256(content).hexdigest()
    assert web.ranges[0] == "bytes=4000-4999"
    assert len(web.ranges) == 7
    assert told[0] == ("download", 5, 11)
    assert told[-1] == ("download", 11, 11)
    assert list(target.parent.iterdir()) == [target]


def test_a_source_that_changed_is_fetched_anew(web: Any, tmp_path: Path) -> None:
    target = tmp_path / "weights.pt"
    web.limit = 4
    with pytest.raises(ModelError):
        download(web.url, target)
    web.limit = None
    (tmp_path / "site/weights.pt").write_bytes(b"other" * 1000)
    download(web.url, target)
    assert target.read_bytes() == b"other" * 1000
    assert not list(tmp_path.glob(".*.partial"))


def test_a_server_without_ranges_sends_all_at_once(web: Any, tmp_path: Path, content: bytes) -> None:
    web.knows_ranges = False
    download(web.url, tmp_path / "weights.pt")
    assert (tmp_path / "weights.pt").read_bytes() == content
    assert len(web.ranges) == 1


def test_a_wrong_checksum_leaves_nothing(web: Any, tmp_path: Path, content: bytes) -> None:
    right = hashlib.sha256(content).hexdigest()
    with pytest.raises(ModelError, match=f"10500 bytes, sha256 {right}, expected sha256 0000.*nothing was kept"):
        download(web.url, tmp_path / "weights.pt", sha256="0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert download(web.url, tmp_path / "weights.pt", sha256=right) == right


def test_local_files_and_what_is_not_there(web: Any, tmp_path: Path, content: bytes) -> None:
    download(str(tmp_path / "site/weights.pt"), tmp_path / "copy.pt")
    assert (tmp_path / "copy.pt").read_bytes() == content
    with pytest.raises(ModelError, match=r"none\.pt: there is no such file"):
        download(web.url.replace("weights", "none"), tmp_path / "none.pt")
    with pytest.raises(ModelError, match=r"gone\.pt: there is no such file"):
        download(str(tmp_path / "gone.pt"), tmp_path / "none.pt")
    with pytest.raises(ModelError, match="cannot be reached"):
        download("http://127.0.0.1:9/weights.pt", tmp_path / "none.pt")
    assert not (tmp_path / "none.pt").exists()
