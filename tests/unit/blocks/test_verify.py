"""Holes and damage in an output are found."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from asem_core.blocks.journal import Begun, End, Head, Journal, Record, journal_path, start
from asem_core.blocks.verify import find_damage, status, verify
from asem_core.errors import OutputError
from asem_core.volume.pieces import digests

HEAD = Head(verb="asem x", command="asem x again", fingerprint="abc", settings={})


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def journal(output: Path) -> Journal:
    """Two blocks of two chunks, a pyramid of one, and a temporary copy that is gone."""
    journal = start(output, HEAD)
    for sweep, block, names in (
        ("predict", "a", ("0/0", "0/1")),
        ("predict", "b", ("0/2", "0/3")),
        ("pyramid 1", "all", ("1/0",)),
    ):
        for name in names:
            path = output / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode() * 9)
        journal.begin(Begun(sweep=sweep, blocks=2 if sweep == "predict" else 1, cut=sweep))
        journal.add(Record(sweep=sweep, block=block, pieces=digests(output, names)))
    journal.begin(Begun(sweep="staging", blocks=1, cut="s", scratch=True))
    journal.add(Record(sweep="staging", block="s", pieces={"sections/0": "gone"}))
    journal.end(End(ended="now"))
    return journal


def test_a_whole_output_is_sound(output: Path, journal: Journal) -> None:
    told: list[tuple[str, int, int]] = []
    result = verify(output, progress=lambda *step: told.append(step[:3]))
    assert result.sound
    assert (result.pieces, result.missing, result.changed) == (5, (), ())
    assert result.status.sweeps == {"predict": (2, 2), "pyramid 1": (1, 1), "staging": (1, 1)}
    assert told == [("verify", i, 3) for i in range(4)]


def test_a_missing_chunk_is_found(output: Path, journal: Journal) -> None:
    (output / "0/2").unlink()
    result = verify(output)
    assert not result.sound
    assert result.status.complete
    assert (result.missing, result.changed) == (("0/2",), ())
    assert find_damage(journal, output).blocks == {("predict", "b")}


@pytest.mark.parametrize("damage", [b"", b"0/1" * 8, b"0/1" * 8 + b"0/2", b"0/1" * 9 + b"\0"])
def test_a_corrupted_chunk_is_found(output: Path, journal: Journal, damage: bytes) -> None:
    (output / "0/1").write_bytes(damage)
    result = verify(output)
    assert not result.sound
    assert (result.missing, result.changed) == ((), ("0/1",))


def test_two_chunks_swapped_are_found(output: Path, journal: Journal) -> None:
    a, b = (output / "0/0").read_bytes(), (output / "0/3").read_bytes()
    (output / "0/0").write_bytes(b)
    (output / "0/3").write_bytes(a)
    assert set(verify(output).changed) == {"0/0", "0/3"}


def test_temporary_copies_are_looked_for_where_they_are(output: Path, journal: Journal, tmp_path: Path) -> None:
    found = find_damage(journal, tmp_path, scratch=True)
    assert found
    assert (found.missing, found.blocks) == (("sections/0",), {("staging", "s")})


@pytest.mark.usefixtures("journal")
def test_a_run_that_has_not_ended_is_not_sound_even_if_all_chunks_are(output: Path) -> None:
    path = journal_path(output)
    whole = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in whole if '"b"' not in line and "ended" not in line))
    result = verify(output)
    assert not result.sound
    assert not result.status.complete
    assert result.status.sweeps["predict"] == (1, 2)
    assert result.status.command == "asem x again"


def test_a_failed_block_is_listed(output: Path, journal: Journal) -> None:
    journal.forget([("predict", "b")])
    journal.add(Record(sweep="predict", block="b", failed="broken"))
    found = status(output)
    assert not found.complete
    assert [record.block for record in found.failed] == ["b"]
    assert not verify(output).sound


@pytest.mark.parametrize("question", [status, verify])
def test_without_a_journal_nothing_can_be_proved(output: Path, question: object) -> None:
    assert callable(question)
    with pytest.raises(OutputError, match="has no journal beside it"):
        question(output)


def test_a_folder_that_cannot_be_written_can_be_verified(output: Path, journal: Journal, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        assert verify(output).sound
        assert status(output).complete
    finally:
        tmp_path.chmod(0o755)


def test_what_is_hidden_until_it_is_whole_is_found(output: Path, journal: Journal) -> None:
    output.rename(output.with_name(".out.unfinished"))
    assert find_damage(journal, output).pieces
    assert verify(output).missing == ()
    assert attrs.evolve(status(output)).sweeps["predict"] == (2, 2)
