"""Holes and damage in an output are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from asem_core.blocks.journal import Journal, Record, digest, start
from asem_core.blocks.verify import status, verify
from asem_core.errors import OutputError


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.zarr"


@pytest.fixture
def journal(output: Path) -> Journal:
    """Two blocks of two chunks, and a pyramid of one."""
    journal = start(output, {"stages": {"predict": 2, "pyramid": 1}})
    for stage, block, names in (
        ("predict", "a", ("0/0", "0/1")),
        ("predict", "b", ("0/2", "0/3")),
        ("pyramid", "all", ("1/0",)),
    ):
        for name in names:
            path = output / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode() * 9)
        journal.add([Record(stage=stage, block=block, chunks={name: digest(output / name) for name in names})])
    return journal


def test_a_whole_output_is_sound(output: Path, journal: Journal) -> None:
    told: list[tuple[str, int, int]] = []
    result = verify(output, progress=lambda *step: told.append(step))
    assert result.sound
    assert (result.chunks, result.missing, result.changed) == (5, (), ())
    assert result.status.stages == {"predict": (2, 2), "pyramid": (1, 1)}
    assert told == [("verify", i, 5) for i in range(6)]


def test_a_missing_chunk_is_found(output: Path, journal: Journal) -> None:
    (output / "0/2").unlink()
    result = verify(output)
    assert not result.sound
    assert result.status.complete
    assert (result.missing, result.changed) == (("0/2",), ())


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


def test_a_hole_is_not_sound_even_if_all_chunks_are(output: Path, journal: Journal) -> None:
    whole = journal.path.read_text().splitlines(keepends=True)
    journal.path.write_text("".join(line for line in whole if '"b"' not in line))
    result = verify(output)
    assert not result.sound
    assert not result.status.complete
    assert result.status.stages["predict"] == (1, 2)


def test_a_failed_block_is_listed(output: Path, journal: Journal) -> None:
    journal.add([Record(stage="predict", block="b", failed="broken")])
    found = status(output)
    assert not found.complete
    assert [record.block for record in found.failed] == ["b"]
    assert not verify(output).sound


@pytest.mark.parametrize("question", [status, verify])
def test_without_a_journal_nothing_can_be_proved(output: Path, question: object) -> None:
    assert callable(question)
    with pytest.raises(OutputError, match="has no journal beside it"):
        question(output)
