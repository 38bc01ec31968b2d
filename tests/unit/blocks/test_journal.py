"""The journal survives kills at any byte, and says what is done."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asem_core.blocks.journal import Journal, Record, digest, journal_path, load, start
from asem_core.errors import OutputError

HEAD = {"fingerprint": "abc", "stages": {"predict": 3, "pyramid": 1}}


def record(block: str, **kwargs: object) -> Record:
    return Record(stage="predict", block=block, **kwargs)  # type: ignore[arg-type]


def reloaded(output: Path) -> Journal:
    journal = load(output)
    assert journal is not None
    return journal


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.zarr"


def test_it_lies_beside_the_output(output: Path) -> None:
    assert journal_path(output) == output.with_name("out.zarr.journal.jsonl")
    assert load(output) is None
    start(output, HEAD)
    assert [path.name for path in output.parent.iterdir()] == ["out.zarr.journal.jsonl"]


def test_what_is_added_is_read_back(output: Path) -> None:
    journal = start(output, HEAD)
    journal.add([record("a", chunks={"0/0.0.0": "d1"}), record("b", failed="broken")])
    journal.add([])
    again = reloaded(output)
    assert again.head == journal.head == {"format": 1, **HEAD}
    assert again.records == journal.records
    assert again.done("predict") == {"a"}
    assert again.done("pyramid") == set()
    assert again.failed() == [record("b", failed="broken")]
    assert again.missing() == {"predict": 2, "pyramid": 1}
    assert not again.complete


def test_the_last_attempt_counts(output: Path) -> None:
    journal = start(output, HEAD)
    journal.add([record("a", failed="first time")])
    journal.add([record("a", chunks={"c": "d"})])
    for seen in (journal, reloaded(output)):
        assert seen.failed() == []
        assert seen.done("predict") == {"a"}


def test_complete(output: Path) -> None:
    journal = start(output, {"stages": {"predict": 1, "pyramid": 1}})
    journal.add([record("a")])
    assert journal.missing() == {"pyramid": 1}
    journal.add([Record(stage="pyramid", block="all")])
    assert journal.complete
    assert reloaded(output).complete


def test_starting_anew_forgets(output: Path) -> None:
    start(output, HEAD).add([record("a")])
    start(output, HEAD)
    assert reloaded(output).records == {}


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_kill_at_any_byte_costs_only_the_torn_record(output: Path, data: st.DataObject) -> None:
    journal = start(output, HEAD)
    head = journal.path.stat().st_size
    for block in "abc":
        journal.add([record(block, chunks={"0/é": "d" * 20})])
    whole = journal.path.read_bytes()
    size = data.draw(st.integers(head, len(whole)))
    journal.path.write_bytes(whole[:size])

    torn = reloaded(output)
    assert torn.done("predict") == set("abc"[: whole[:size].count(b"\n") - 1])
    assert journal.path.read_bytes() == whole[:size], "reading changes nothing: another process may be writing"

    for block in sorted(set("abc") - torn.done("predict")):
        torn.add([record(block, chunks={"0/é": "d" * 20})])
    assert journal.path.read_bytes() == whole, "as if it had never been killed"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"format": 2}\n', "format 2, expected 1"),
        ("", "."),
        ("no json\n", "."),
        ('{"format": 1, "stages": {}}\n{"stage": "predict", "blok": "a"}\n', "blok"),
        ('{"format": 1, "stages": {}}\n{"stage": "pre\n{"stage": "predict", "block": "a"}\n', "."),
        ("[1]\n", "."),
        ("\xff\xfe\n", "."),
    ],
)
def test_another_file_or_version_is_refused_with_the_way_out(output: Path, text: str, reason: str) -> None:
    journal_path(output).write_text(text, encoding="latin-1")
    with pytest.raises(OutputError, match=f"not a journal of this version .*{reason}.*--overwrite"):
        load(output)


def test_one_line_is_one_record(output: Path) -> None:
    journal = start(output, HEAD)
    journal.add([record("a", failed="two\nlines"), record("b")])
    lines = journal.path.read_text().splitlines()
    assert [json.loads(line).get("block") for line in lines] == [None, "a", "b"]


def test_digest_is_blake2b_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "chunk"
    path.write_bytes(b"abc")
    assert digest(path) == hashlib.blake2b(b"abc", digest_size=16).hexdigest()
    path.write_bytes(b"abd")
    assert digest(path) != hashlib.blake2b(b"abc", digest_size=16).hexdigest()
