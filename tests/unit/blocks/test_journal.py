"""The journal survives kills at any byte, and says what is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asem_core.blocks.journal import FORMAT, Begun, End, Head, Journal, Record, fingerprint, journal_path, load, start
from asem_core.errors import OutputError

HEAD = Head(
    verb="asem segment",
    command="asem segment a -o b",
    fingerprint="abc",
    settings={"é": [1, {"b": None}]},
    chosen={"tile": [1, 2, 3]},
)
BEGUN = Begun(sweep="predict", blocks=3, cut="three")


def record(block: str, **kwargs: Any) -> Record:
    return Record(sweep="predict", block=block, **kwargs)


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
    journal.begin(BEGUN)
    journal.add(record("a", pieces={"0/0.0.0": "d1"}))
    journal.add(record("b", failed="broken"))
    for seen in (journal, reloaded(output)):
        assert seen.head == HEAD
        assert seen.head.format == FORMAT
        assert seen.sweeps == {"predict": BEGUN}
        assert seen.done("predict") == {"a"}
        assert seen.done("pyramid 1") == set()
        assert [found.block for found in seen.of("predict")] == ["a", "b"]
        assert seen.failed() == [record("b", failed="broken")]
        assert not seen.complete
    assert reloaded(output) == journal


def test_the_last_attempt_counts(output: Path) -> None:
    journal = start(output, HEAD)
    journal.add(record("a", failed="first time"))
    journal.add(record("a", pieces={"c": "d"}))
    for seen in (journal, reloaded(output)):
        assert seen.failed() == []
        assert seen.done("predict") == {"a"}


def test_the_end_is_the_last_line_until_something_is_forgotten(output: Path) -> None:
    journal = start(output, HEAD)
    journal.add(record("a"))
    journal.end(End(ended="now", results={"objects": 3}))
    for seen in (journal, reloaded(output)):
        assert seen.complete
        assert seen.ends == [End(ended="now", results={"objects": 3})]
    journal.forget([])
    for seen in (journal, reloaded(output)):
        assert not seen.complete
        assert seen.done("predict") == {"a"}
    journal.end(End(ended="later"))
    assert reloaded(output).ends == [End(ended="later")]


def test_what_is_forgotten_is_not_done(output: Path) -> None:
    journal = start(output, HEAD)
    for block in "abc":
        journal.add(record(block))
    journal.end(End(ended="now"))
    journal.forget([("predict", "b"), ("predict", "unknown"), ("other", "a")])
    for seen in (journal, reloaded(output)):
        assert seen.done("predict") == {"a", "c"}
        assert not seen.complete
    journal.add(record("b"))
    assert reloaded(output).done("predict") == {"a", "b", "c"}


def test_forgetting_nothing_writes_nothing(output: Path) -> None:
    journal = start(output, HEAD)
    before = journal_path(output).read_bytes()
    journal.forget([])
    journal.forget([("predict", "unknown")])
    assert journal_path(output).read_bytes() == before


def test_a_stage_that_begins_again_keeps_its_records_if_it_is_cut_alike(output: Path) -> None:
    journal = start(output, HEAD)
    journal.begin(BEGUN)
    journal.add(record("a"))
    size = journal_path(output).stat().st_size
    journal.begin(BEGUN)
    assert journal_path(output).stat().st_size == size
    assert journal.done("predict") == {"a"}
    journal.begin(attrs.evolve(BEGUN, cut="otherwise"))
    for seen in (journal, reloaded(output)):
        assert seen.done("predict") == set()
        assert seen.sweeps["predict"].cut == "otherwise"


def test_starting_anew_forgets(output: Path) -> None:
    start(output, HEAD).add(record("a"))
    start(output, attrs.evolve(HEAD, fingerprint="other"))
    assert reloaded(output).records == {}
    assert reloaded(output).head.fingerprint == "other"
    assert [path.name for path in output.parent.iterdir()] == ["out.zarr.journal.jsonl"]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_kill_at_any_byte_costs_only_the_torn_record(output: Path, data: st.DataObject) -> None:
    journal = start(output, HEAD)
    head = journal_path(output).stat().st_size
    for block in "abc":
        journal.add(record(block, pieces={"0/é": "d" * 20}))
    whole = journal_path(output).read_bytes()
    size = data.draw(st.integers(head, len(whole)))
    journal_path(output).write_bytes(whole[:size])

    torn = reloaded(output)
    assert torn.done("predict") == set("abc"[: whole[:size].count(b"\n") - 1])
    assert journal_path(output).read_bytes() == whole[:size], "reading changes nothing: another process may be writing"

    for block in sorted(set("abc") - torn.done("predict")):
        torn.add(record(block, pieces={"0/é": "d" * 20}))
    assert journal_path(output).read_bytes() == whole


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"[]\n",
        b"7\n",
        b"{}\n",
        b'{"format": 1, "fingerprint": "a", "sweeps": {}}\n',
        b"\xff\xfe\n",
        b'{"format": 2}\n',
        b"no journal\n",
    ],
)
def test_what_is_no_journal_of_this_version_is_told(output: Path, content: bytes) -> None:
    journal_path(output).write_bytes(content)
    with pytest.raises(
        OutputError, match=r"is not a journal of this version \(.*\); pass --overwrite to begin anew"
    ) as told:
        load(output)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "line", ["[1]", "7", "{}", '{"block": "a"}', '{"sweep": "x", "blocks": 1}', "{", '{"forget": 3}']
)
def test_a_damaged_line_is_told(output: Path, line: str) -> None:
    journal = start(output, HEAD)
    journal.add(record("a"))
    lines = journal_path(output).read_text().splitlines()
    journal_path(output).write_text("\n".join([lines[0], line, lines[1]]) + "\n")
    with pytest.raises(OutputError, match="is not a journal of this version"):
        load(output)


def test_a_file_that_cannot_be_read_is_told(output: Path) -> None:
    journal_path(output).mkdir()
    with pytest.raises(OutputError, match="cannot be read"):
        load(output)


def test_fingerprints_heed_values_and_no_order() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert len(fingerprint({})) == 64


def test_every_line_is_json(output: Path) -> None:
    journal = start(output, HEAD)
    journal.begin(BEGUN)
    journal.add(record("a"))
    journal.end(End(ended="now"))
    assert [type(json.loads(line)) for line in journal_path(output).read_text().splitlines()] == [dict] * 4
