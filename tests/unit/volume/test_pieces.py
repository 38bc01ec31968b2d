"""Pieces: files, bytes of files, values in JSON files; found out when they change, and restored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asem_core.volume.pieces import digest, digests, restore

FOUND = {"multiscales": [{"name": "cell", "axes": ["z", "y"]}], "omero": 1, "deep": {"er": {"value": 3}}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    (path / "labels").mkdir(parents=True)
    (path / "0").write_bytes(b"0123456789")
    (path / "labels/.zattrs").write_text(json.dumps(FOUND))
    return path


WHOLE, BYTES, VALUE, DEEP = "0", "0@2:5", "labels/.zattrs#multiscales", "labels/.zattrs#deep/er/value"


def test_equal_content_has_equal_digests(root: Path) -> None:
    before = digests(root, [WHOLE, BYTES, VALUE, DEEP])
    assert len(set(before.values())) == 4
    (root / "1").write_bytes(b"xx234yyyy")
    assert digest(root, "1@2:5") == before[BYTES]
    (root / "labels/.zattrs").write_text(json.dumps(dict(reversed({**FOUND, "omero": 2}.items())), indent=4))
    assert digests(root, [VALUE, DEEP]) == {VALUE: before[VALUE], DEEP: before[DEEP]}


def test_a_change_changes_the_digest_of_its_piece_alone(root: Path) -> None:
    before = digests(root, [WHOLE, BYTES, VALUE])
    (root / "0").write_bytes(b"0123456780")
    assert digest(root, WHOLE) != before[WHOLE]
    assert digest(root, BYTES) == before[BYTES]
    (root / "0").write_bytes(b"0124456789")
    assert digest(root, BYTES) != before[BYTES]


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1@0:3",
        "0@8:11",
        "labels",
        "labels@0:1",
        "0#a",
        "labels/.zattrs#unknown",
        "labels/.zattrs#omero/deeper",
        "labels/.zattrs#multiscales/name",
        "1#a",
    ],
)
def test_what_is_not_there_or_not_whole(root: Path, piece: str) -> None:
    assert digest(root, piece) is None
    with pytest.raises(OSError, match="was written but is not there"):
        digests(root, [WHOLE, piece])


def test_the_output_itself_may_be_the_file(root: Path) -> None:
    assert digest(root / "0", ".") == digest(root, "0")
    assert digest(root / "0", ".@2:5") == digest(root, BYTES)


@pytest.mark.parametrize("piece", [WHOLE, VALUE, DEEP])
@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"omero": 5, "multiscales": 3, "deep": {"er": {}}}'])
def test_what_was_lost_is_restored(root: Path, tmp_path: Path, piece: str, content: str | None) -> None:
    expected = digest(root, piece)
    damaged = tmp_path / "damaged"
    path = damaged / piece.partition("#")[0]
    if content is not None:
        path.parent.mkdir(parents=True)
        path.write_text(content)
    restore(piece, source=root, root=damaged)
    assert digest(damaged, piece) == expected
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    if "#" in piece and content and "omero" in content:
        assert json.loads(path.read_text())["omero"] == 5, "what is around it stays"
