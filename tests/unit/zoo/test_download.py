"""Downloads over HTTP: complete or resumable, never wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from asem_core.errors import ModelError
from asem_core.zoo import download as module
from asem_core.zoo.download import download

from ...web_server import Server, serve

pytest.importorskip("aiohttp", reason="downloads need aiohttp: pip install 'asem-core[http]'")


@pytest.fixture
def content() -> bytes:
    return np.random.default_rng(1).bytes(10_500)


@pytest.fixture
def web(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of ``weights.pt``; pieces are 1000 bytes."""
    monkeypatch.setattr(module, "PIECE_BYTES", 1000)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/weights.pt").write_bytes(content)
    with serve(tmp_path / "site") as server:
        server.url += "/weights.pt"
        yield server


def test_a_download_that_broke_goes_on_where_it_was(web: Server, tmp_path: Path, content: bytes) -> None:
    target = tmp_path / "store/weights.pt"
    web.hangs_up_after = 4
    with pytest.raises(ModelError, match=r"4000 of 10500 bytes are here, the same command goes on from there"):
        download(web.url, target)
    assert not target.exists()
    web.hangs_up_after, web.ranges[:] = None, []
    told: list[tuple[str, int, int]] = []
    found = download(web.url, target, progress=lambda *values: told.append(values))
    assert target.read_bytes() == content
    assert found == hashlib.sha256(content).hexdigest()
    assert web.ranges[0] == "bytes=4000-4999"
    assert len(web.ranges) == 7
    assert told[:2] == [("download", 4, 11), ("download", 5, 11)]
    assert told[-1] == ("download", 11, 11)
    assert list(target.parent.iterdir()) == [target]


def test_a_source_that_changed_is_fetched_anew(web: Server, tmp_path: Path) -> None:
    target = tmp_path / "weights.pt"
    web.hangs_up_after = 4
    with pytest.raises(ModelError):
        download(web.url, target)
    web.hangs_up_after = None
    (tmp_path / "site/weights.pt").write_bytes(b"other" * 1000)
    download(web.url, target)
    assert target.read_bytes() == b"other" * 1000
    assert not list(tmp_path.glob(".*.partial"))


def test_a_server_without_ranges_sends_all_at_once(web: Server, tmp_path: Path, content: bytes) -> None:
    web.knows_ranges = False
    download(web.url, tmp_path / "weights.pt")
    assert (tmp_path / "weights.pt").read_bytes() == content
    assert len(web.ranges) == 1


def test_a_wrong_checksum_leaves_nothing(web: Server, tmp_path: Path, content: bytes) -> None:
    right = hashlib.sha256(content).hexdigest()
    with pytest.raises(ModelError, match=f"10500 bytes, sha256 {right}, expected sha256 0000.*nothing was kept"):
        download(web.url, tmp_path / "weights.pt", sha256="0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert download(web.url, tmp_path / "weights.pt", sha256=right) == right


def test_local_files_and_what_is_not_there(web: Server, tmp_path: Path, content: bytes) -> None:
    download(str(tmp_path / "site/weights.pt"), tmp_path / "copy.pt")
    assert (tmp_path / "copy.pt").read_bytes() == content
    with pytest.raises(ModelError, match=r"none\.pt: there is no such file"):
        download(web.url.replace("weights", "none"), tmp_path / "none.pt")
    with pytest.raises(ModelError, match=r"gone\.pt: there is no such file"):
        download(str(tmp_path / "gone.pt"), tmp_path / "none.pt")
    with pytest.raises(ModelError, match="cannot be reached"):
        download("http://127.0.0.1:9/weights.pt", tmp_path / "none.pt")
    assert not (tmp_path / "none.pt").exists()
