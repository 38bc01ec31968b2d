"""What tests of several verbs share."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from ..forks import Forks
from ..jobs import VERBS, Undisturbed, Verb, contents, input_paths, write_inputs
from ..once import once


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Commands as processes of their own."""
    found = Forks(tmp_path_factory.mktemp("forks"))
    yield found
    found.close()


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the verbs of `tests.jobs` read, by name."""
    return input_paths(once("inputs", write_inputs, tmp_path_factory))


@pytest.fixture(scope="session")
def undisturbed(
    forks: Forks, inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Verb], Undisturbed]:
    """What a verb makes of `inputs` when nobody disturbs it; run once."""

    @cache
    def found(verb: Verb) -> Undisturbed:
        def run(folder: Path) -> None:
            ended = forks.run(verb.typed(inputs, folder / "made" / verb.output), folder)
            assert ended.code == 0, ended.told
            (folder / "ended.json").write_text(json.dumps([ended.steps, ended.seconds]))

        folder = once(f"undisturbed{VERBS.index(verb)}", run, tmp_path_factory)
        steps, seconds = json.loads((folder / "ended.json").read_text())
        return Undisturbed(folder / "made", contents(folder / "made" / verb.output), steps, seconds)

    return found


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """``limited(options)``: an empty file system of its own, such as one of few bytes."""
    made: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"mount{len(made)}"
        folder.mkdir()
        if (
            os.geteuid() != 0
            or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
            ).returncode
        ):
            pytest.skip("file systems can be mounted by root only")
        made.append(folder)
        return folder

    yield mount
    for folder in made:
        subprocess.run(["umount", folder], check=True)
