"""What tests of several verbs share."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from ..forks import Forks
from ..jobs import Undisturbed, Verb, contents, write_inputs


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Commands as processes of their own."""
    found = Forks(tmp_path_factory.mktemp("forks"))
    yield found
    found.close()


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the verbs of `tests.jobs` read, by name."""
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def undisturbed(
    forks: Forks, inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Verb], Undisturbed]:
    """What a verb makes of `inputs` when nobody disturbs it; run once."""

    @cache
    def once(verb: Verb) -> Undisturbed:
        folder = tmp_path_factory.mktemp("undisturbed")
        ended = forks.run(verb.typed(inputs, folder / verb.output), folder)
        assert ended.code == 0, ended.told
        return Undisturbed(folder, contents(folder / verb.output), ended.steps, ended.seconds)

    return once


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
