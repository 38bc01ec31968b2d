"""Every verb that is a job x what may be in the way: refused in one line, or the same output in the end.

No byte of an input changes in any of it. `test_killed` has the column kill -9; verbs that write other things than
volumes have a table of their own, `test_writers`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asem_core.blocks.journal import journal_path
from asem_core.blocks.verify import status, verify
from asem_core.cli.main import command_line
from asem_core.errors import AsemError
from asem_core.volume.output import held
from asem_core.volume.unfinished import MARK_FILE, Unfinished

from ..forks import Forks
from ..jobs import VERBS, Undisturbed, Verb, contents

Cli = Callable[[list[str]], Result]
every_verb = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
every_reader = pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.reads], ids=lambda verb: verb.name)


@pytest.fixture(scope="module")
def cli() -> Cli:
    """``asem`` within this process."""
    asem, registry = command_line()
    return lambda words: CliRunner().invoke(asem, words, obj=registry)


def state(folder: Path) -> dict[str, object]:
    """Everything in ``folder``: files with their content, links with where they lead, folders."""
    return {
        str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.is_file() and path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


def world_of(verb: Verb, inputs: dict[str, Path], folder: Path) -> dict[str, Path]:
    """Copies of what ``verb`` reads, each in a folder of its own below ``folder``."""
    found = {}
    for name in verb.reads:
        found[name] = folder / name / inputs[name].name
        shutil.copytree(inputs[name], found[name])
    return found


def refused(cli: Cli, words: list[str]) -> str:
    """The one line with which ``words`` are refused, with exit code 2."""
    result = cli(words)
    assert isinstance(result.exception, AsemError), (result.output, repr(result.exception))
    assert result.exception.exit_code == 2
    assert "\n" not in str(result.exception)
    return str(result.exception)


@every_reader
@pytest.mark.parametrize("way", ["itself", "inside", "through a link", "with ..", "round it"])
def test_inputs_are_never_written_to(cli: Cli, inputs: dict[str, Path], tmp_path: Path, verb: Verb, way: str) -> None:
    given = world_of(verb, inputs, tmp_path / "w.zarr" / "w")
    suffix = Path(verb.output).suffix
    (tmp_path / "link").symlink_to(tmp_path / "w.zarr" / "w")
    before = state(tmp_path)
    for path in given.values():
        out = {
            "itself": path,
            "inside": path / f"new{suffix}",
            "through a link": tmp_path / "link" / path.relative_to(tmp_path / "w.zarr" / "w") / f"new{suffix}",
            "with ..": path / ".." / path.name / "deeper" / f"new{suffix}",
            "round it": tmp_path / "w.zarr",
        }[way]
        for more in ([], ["--overwrite"]):
            told = refused(cli, [*verb.typed(given, out), *more])
            is_guarded = "what is written would lie in, or replace, what is read" in told
            assert is_guarded or out.suffix != suffix, told
            assert state(tmp_path) == before


@every_verb
def test_what_is_not_ours_stays(cli: Cli, inputs: dict[str, Path], tmp_path: Path, verb: Verb) -> None:
    given, out = world_of(verb, inputs, tmp_path / "world"), tmp_path / verb.output
    out.mkdir()
    (out / "thesis.tex").write_text("precious")
    before = state(tmp_path)
    assert "exists already" in refused(cli, verb.typed(given, out))
    assert "is not replaced" in refused(cli, [*verb.typed(given, out), "--overwrite"])
    assert state(tmp_path) == before
    shutil.rmtree(out)
    shutil.copytree(inputs["sections"], out)  # a volume, but nobody's of ours
    before = state(tmp_path)
    assert "exists already" in refused(cli, verb.typed(given, out))
    assert "is not replaced" in refused(cli, [*verb.typed(given, out), "--overwrite"])
    assert state(tmp_path) == before


@every_reader
def test_an_unfinished_input_is_refused(cli: Cli, inputs: dict[str, Path], tmp_path: Path, verb: Verb) -> None:
    mark = Unfinished(command="asem convert a b", fingerprint="f").mark
    for name in verb.reads:
        if name == "cosem":
            continue  # N5 is nothing that we write
        given = world_of(verb, inputs, tmp_path / name)
        if name == "sections":
            (given[name] / MARK_FILE).write_text(json.dumps(mark))
        else:
            attributes = given[name] / ".zattrs"
            known = json.loads(attributes.read_text()) if attributes.exists() else {}
            attributes.write_text(json.dumps({**known, "asem": {"unfinished": mark}}))
        before = state(tmp_path)
        told = refused(cli, verb.typed(given, tmp_path / verb.output))
        assert "is unfinished" in told
        assert "finish it with: asem convert a b" in told
        assert state(tmp_path) == before


@every_verb
def test_a_second_process_is_refused(cli: Cli, inputs: dict[str, Path], tmp_path: Path, verb: Verb) -> None:
    given, out = world_of(verb, inputs, tmp_path / "world"), tmp_path / verb.output
    with held(out):
        before = state(tmp_path)
        for more in ([], ["--overwrite"]):
            told = refused(cli, [*verb.typed(given, out), *more])
            assert "is being written by another process" in told
            assert state(tmp_path) == before


@every_verb
def test_a_folder_that_cannot_be_written(
    cli: Cli, inputs: dict[str, Path], tmp_path: Path, limited: Callable[..., Path], verb: Verb
) -> None:
    given, folder = world_of(verb, inputs, tmp_path / "world"), limited("ro")
    before = state(tmp_path)
    for out in (folder / verb.output, folder / "new" / verb.output):
        assert f"no permission to write in {folder}" in refused(cli, verb.typed(given, out))
        assert state(tmp_path) == before


@every_verb
def test_a_link_to_nothing(cli: Cli, inputs: dict[str, Path], tmp_path: Path, verb: Verb) -> None:
    given, link = world_of(verb, inputs, tmp_path / "world"), tmp_path / verb.output
    link.symlink_to(tmp_path / "unmounted" / "disk")
    before = state(tmp_path)
    for out in (link, link / verb.output):
        assert "which does not exist" in refused(cli, verb.typed(given, out))
        assert state(tmp_path) == before


@every_verb
def test_too_little_room_is_said_before(
    cli: Cli, inputs: dict[str, Path], tmp_path: Path, limited: Callable[..., Path], verb: Verb
) -> None:
    given, folder = world_of(verb, inputs, tmp_path / "world"), limited("size=64k")
    before = state(tmp_path)
    assert "are needed; make room" in refused(cli, verb.typed(given, folder / verb.output))
    assert state(tmp_path) == before


@every_verb
def test_a_disk_that_fills_up_stops_the_run_which_then_goes_on(
    forks: Forks,
    inputs: dict[str, Path],
    undisturbed: Callable[[Verb], Undisturbed],
    limited: Callable[..., Path],
    verb: Verb,
) -> None:
    before = {name: contents(inputs[name]) for name in verb.reads}
    whole, folder = undisturbed(verb), limited("size=64m")
    out, words = folder / verb.output, verb.typed(inputs, folder / verb.output)
    stopped = forks.run(words, folder, step=whole.steps * 2 // 3, fill=folder / "film.mov")
    told = [line for line in stopped.told.splitlines() if line.startswith("asem: ")]
    assert stopped.code == 2, stopped.told
    assert len(told) == 1
    assert "no space left on the disk; free some, then run the same command again" in told[0]
    assert "Traceback" not in stopped.told
    assert not journal_path(out).exists() or not status(out).complete
    (folder / "film.mov").unlink()
    again = forks.run(words, folder)
    assert again.code == 0, again.told
    assert contents(out) == whole.files
    assert sorted(path.name for path in folder.iterdir()) == [out.name, f"{out.name}.journal.jsonl"]
    assert verify(out).sound
    assert {name: contents(inputs[name]) for name in verb.reads} == before


@every_verb
def test_again_and_anew(
    forks: Forks, inputs: dict[str, Path], undisturbed: Callable[[Verb], Undisturbed], tmp_path: Path, verb: Verb
) -> None:
    """Folders above are made; a finished run is verified; other settings are refused."""
    out = tmp_path / "a" / "b" / verb.output
    words, whole = verb.typed(inputs, out), undisturbed(verb).files
    for _ in range(2):
        made = forks.run(words, tmp_path)
        assert made.code == 0, made.told
        assert contents(out) == whole
    changed = forks.run([*words, *verb.other.split()], tmp_path)
    assert changed.code == 2, changed.told
    assert "made with other settings (" in changed.told
    assert contents(out) == whole
