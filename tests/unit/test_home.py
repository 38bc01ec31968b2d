"""``~`` in paths: of every verb, of Python functions, and where no home folder is known."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from asem_core.conversion.convert import convert
from asem_core.errors import OutputError
from asem_core.home import expand, local_path
from asem_core.volume import Volume, open_volume
from asem_core.volume.address import absolute, beside
from asem_core.zoo.store import model_store, stored_models


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id that a container made up: no HOME, and nothing in the list of users."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)


def test_what_is_expanded(home: Path) -> None:
    assert expand("~") == str(home)
    assert local_path("~/a b/cell.zarr") == home / "a b/cell.zarr"
    assert local_path(Path("~/cell.zarr")) == home / "cell.zarr"
    assert local_path("cell~1.zarr") == Path("cell~1.zarr")
    assert expand("https://example.org/~ada/cell.zarr") == "https://example.org/~ada/cell.zarr"
    assert expand("~nobody-of-that-name/x") == "~nobody-of-that-name/x"
    assert absolute("~/cell.zarr") == str(home / "cell.zarr")
    assert beside(Path("/recipes"), "~/cell.zarr") == str(home / "cell.zarr")


def test_no_home_folder_is_known(homeless: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match=r"^~/cell.zarr: no home folder is known for ~; set HOME"):
        expand("~/cell.zarr")
    assert expand("/data/cell.zarr") == "/data/cell.zarr"
    monkeypatch.delenv("ASEM_MODELS")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    with pytest.raises(OutputError, match=r"set .*HOME"):
        model_store()
    assert stored_models() == ()


def test_a_store_that_nobody_may_look_into_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert stored_models() == ()


def test_python_functions_take_it_too(home: Path, as_volume: Any) -> None:
    volume: Volume = as_volume(np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    convert(volume, Path("~/cell.zarr"))
    assert (home / "cell.zarr").is_dir()
    assert open_volume("~/cell.zarr").shape == (3, 4, 5)


PLACES = {
    "cell_mask", "checkpoint", "crop", "data", "destination", "dst", "figure", "figures", "labels", "mask", "objects",
    "objects_table", "output", "prediction", "preview", "raw", "recipe", "reference", "run", "sample", "site", "source",
    "src", "statistics", "volume", "card_path", "review", "analyses",
}  # fmt: skip
"""Names that parameters of verbs have if they are paths."""


def parameters(command: click.Command) -> Iterator[tuple[str, click.Parameter]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from parameters(inner)
    for parameter in command.params:
        yield f"{command.name} {parameter.name}", parameter


def test_every_path_of_every_verb_is_expanded(home: Path) -> None:
    from asem_core.cli.main import command_line

    checked = []
    for name, parameter in parameters(command_line()[0]):
        kind = parameter.type
        if isinstance(kind, click.Path) or (parameter.name in PLACES and not getattr(parameter, "is_flag", False)):
            value = kind.convert("~/x y", parameter, None)
            assert str(value) == str(home / "x y"), name
            checked.append(name)
    assert len(checked) > 40
    assert {"segment volume", "segment outputs", "evaluate prediction", "pores objects", "cosem crop"} <= set(checked)


def test_a_url_stays_one(home: Path) -> None:
    from asem_core.cli.options import PLACE

    assert PLACE.convert("s3://bucket/~/x.zarr/", None, None) == "s3://bucket/~/x.zarr/"


def test_the_command_line_says_that_no_home_is_known(homeless: None) -> None:
    from asem_core.cli.info import info

    result = CliRunner().invoke(info, ["~/cell.zarr"])
    assert result.exit_code == 2
    assert "no home folder is known for ~; set HOME" in result.output
