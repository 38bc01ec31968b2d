"""Every verb that is a job, killed -9 at random moments and run again: the output of an undisturbed run, byte for byte.

``ASEM_KILLS=10`` kills ten times as often.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from asem_core import open_volume
from asem_core.blocks.verify import status, verify
from asem_core.errors import UnfinishedError

from ..forks import Ended, Forks
from ..jobs import VERBS, Undisturbed, Verb, contents

ROUNDS = int(os.environ.get("ASEM_KILLS", "1"))
SEED = os.environ.get("ASEM_SEED", "15")
_MOST = 3
"""Kills of one run before it is left alone."""

pytestmark = pytest.mark.slow


Run = Callable[[Verb], Undisturbed]


def check_whole(verb: Verb, folder: Path, whole: Undisturbed) -> None:
    """The output in ``folder`` is that of ``whole``, and nothing but its journal lies beside it."""
    out = folder / verb.output
    found = contents(out)
    assert found.keys() == whole.files.keys()
    assert [name for name in found if found[name] != whole.files[name]] == []
    assert sorted(path.name for path in folder.iterdir()) == [out.name, f"{out.name}.journal.jsonl"]
    assert verify(out).sound


def check_not_data(verb: Verb, folder: Path, whole: Undisturbed) -> None:
    """What a kill left is not there, refused, or whole."""
    out = folder / verb.output
    if not out.exists():
        return
    try:
        open_volume(out)
    except UnfinishedError as refused:
        told = str(refused)
    else:
        assert {name: read for name, read in contents(out).items() if not name.endswith(".partial")} == whole.files
        return
    assert f"finish it with: asem {verb.words.split()[0]}" in told


def kill(verb: Verb, forks: Forks, words: list[str], folder: Path, whole: Undisturbed, chance: random.Random) -> Ended:
    """Run it and kill it: before one of its changes to the file system, or after some time."""
    if chance.random() < 0.6:
        return forks.run(words, folder, step=chance.randint(1, whole.steps))
    return forks.run(words, folder, after=chance.uniform(0, whole.seconds))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_kills_leave_no_trace(
    verb: Verb, forks: Forks, inputs: dict[str, Path], undisturbed: Run, tmp_path: Path
) -> None:
    before = {name: contents(inputs[name]) for name in verb.reads}
    whole = undisturbed(verb)
    chance = random.Random(f"{SEED} {verb.name}")
    kills = 0
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        words = verb.typed(inputs, folder / verb.output)
        for _ in range(chance.randint(1, _MOST)):
            stopped = kill(verb, forks, words, folder, whole, chance)
            assert stopped.killed or stopped.code == 0, stopped.told
            kills += stopped.killed
            check_not_data(verb, folder, whole)
        ended = forks.run(words, folder)
        assert ended.code == 0, ended.told
        check_whole(verb, folder, whole)
    print(f"{verb.name}: {kills} kills")
    assert {name: contents(inputs[name]) for name in verb.reads} == before


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_damage_is_found_and_mended(
    verb: Verb, forks: Forks, inputs: dict[str, Path], undisturbed: Run, tmp_path: Path
) -> None:
    whole = undisturbed(verb)
    out = tmp_path / "moved" / verb.output
    shutil.copytree(whole.folder, out.parent)
    chance = random.Random(f"{SEED} {verb.name}")
    chunks = [name for name in whole.files if not name.rpartition("/")[2].startswith((".z", "zarr.json"))]
    for _ in range(ROUNDS):
        damaged = {name: damage(out / name, chance) for name in chance.sample(chunks, min(3, len(chunks)))}
        gone = not out.exists()
        if not gone:
            found = verify(out)
            named = {piece.partition("@")[0] for piece in found.missing + found.changed}
            assert named == damaged.keys(), damaged
        ended = forks.run(verb.typed(inputs, out), out.parent)
        assert ended.code == 0, (damaged, ended.told)
        check_whole(verb, out.parent, whole)


def damage(path: Path, chance: random.Random) -> str:
    """Delete, cut or change a file; which of them."""
    how, content = chance.choice(["deleted", "cut", "changed"]), path.read_bytes()
    at = chance.randrange(len(content))
    if how == "deleted":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[:at])
    else:
        path.write_bytes(content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :])
    return f"{how} at {at}"


@pytest.mark.parametrize("verb", [VERBS[0], VERBS[2], VERBS[3]], ids=lambda verb: verb.name)
def test_what_is_overwritten_stays_until_the_new_is_whole(
    verb: Verb, forks: Forks, inputs: dict[str, Path], undisturbed: Run, tmp_path: Path
) -> None:
    whole = undisturbed(verb)
    chance = random.Random(f"{SEED} {verb.name}")
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        words = verb.typed(inputs, folder / verb.output)
        ended = forks.run([*words, "--roi", "0:9,0:20,0:30"], folder)
        assert ended.code == 0, ended.told
        old = contents(folder / verb.output)
        stopped = kill(verb, forks, [*words, "--overwrite"], folder, whole, chance)
        assert stopped.killed or stopped.code == 0
        found = contents(folder / verb.output)
        assert found in (old, whole.files, {})
        if found == old and status(folder / verb.output).command.startswith(f"asem {verb.words.split()[0]}"):
            words = [*words, "--overwrite"] if not (folder / f".{verb.output}.unfinished").exists() else words
        ended = forks.run(words, folder)
        assert ended.code == 0, ended.told
        check_whole(verb, folder, whole)
