"""``asem plugins list`` tells the truth about every plugin, and nothing that a plugin does takes it down."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import importlib_metadata
import pytest

from asem_core import hookspecs
from asem_core.cli.main import main
from asem_core.specs import ModelSpec, RunEvent, StageRef, packaged_models

from .toys import Panic, Point, UnspeakableError, organelle, plugin, raising, registry_of

REGISTERING = [
    name for name in vars(hookspecs) if name.startswith("asem_register_") and name != "asem_register_commands"
]


@pytest.fixture
def asem(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """``asem("plugins", "list", a=plugin)``: exit code, standard output and standard error of one `asem` command."""

    def run(*words: str, **plugins: Any) -> tuple[int, str, str]:
        points = [
            Point(name, made if isinstance(made, type(raising)) else lambda made=made: made)
            for name, made in plugins.items()
        ]
        monkeypatch.setattr(importlib_metadata, "entry_points", lambda group: points)
        monkeypatch.setattr(sys, "argv", ["asem", *words])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        return code, *capsys.readouterr()

    return run


def listed(asem: Any, **plugins: Any) -> dict[str, str | None]:
    code, out, _ = asem("plugins", "list", "--json", **plugins)
    assert code == 0
    return {row["name"]: row["error"] for row in json.loads(out)}


@pytest.mark.parametrize("hook", REGISTERING)
@pytest.mark.parametrize(
    ("does", "says"),
    [
        (raising(ZeroDivisionError("by zero")), "ZeroDivisionError: by zero"),
        (raising(SystemExit(4)), "SystemExit: 4"),
        (raising(Panic("help")), "Panic: help"),
        (raising(UnspeakableError()), "UnspeakableError"),
        (lambda: "abc", "expected a list of "),
        (lambda: [None], "got NoneType"),
        (lambda: [RunEvent(verb="x", seconds=1.0)], "got RunEvent"),
    ],
    ids=["raises", "exits", "panics", "raises an error without words", "text", "None inside", "another spec"],
)
def test_every_hook_is_called_and_a_broken_one_said(asem: Any, hook: str, does: Callable[..., Any], says: str) -> None:
    found = listed(asem, a=plugin("er"), bad=plugin(**{hook: does}), c=plugin("golgi"))
    assert (found["asem-core"], found["a"], found["c"]) == (None, None, None)
    assert str(found["bad"]).startswith(f"{hook}: ")
    assert says in str(found["bad"])


def test_good_plugins_are_ok(asem: Any) -> None:
    assert listed(asem, a=plugin("er"), quiet=plugin(asem_register_readers=lambda: None)) == {
        "asem-core": None, "a": None, "quiet": None,
    }  # fmt: skip


def test_the_list_to_read_has_one_line_a_plugin(asem: Any) -> None:
    code, out, _ = asem("plugins", "list", a=plugin("er"), b=raising(ValueError("[/red] over\ntwo lines")))
    assert code == 0
    assert [line.split(maxsplit=3) for line in out.splitlines()[2:]] == [
        ["a", "asem-organelle-a", "1.2", "ok"],
        ["b", "asem-organelle-b", "1.2", "broken: ValueError: [/red] over two lines"],
    ]


def test_all_that_is_wrong_with_a_plugin_is_said_and_the_rest_of_it_works(asem: Any) -> None:
    bad = plugin(
        "er", asem_register_readers=raising(ValueError("one")), asem_register_analyses=raising(KeyError("two"))
    )
    error = listed(asem, bad=bad)["bad"]
    assert error == "asem_register_readers: ValueError: one; asem_register_analyses: KeyError: 'two'"
    assert "er: Er" in asem("organelles", bad=bad)[1]


def test_what_a_plugin_prints_is_not_in_the_output(asem: Any) -> None:
    def loud() -> Any:
        print("hello")
        return []

    def loud_module() -> Any:
        print("I am here")
        return plugin(asem_register_readers=loud)

    code, out, err = asem("plugins", "list", "--json", loud=loud_module)
    assert [row["name"] for row in json.loads(out)] == ["asem-core", "loud"]
    assert code == 0
    assert "hello" in err
    assert "I am here" in err


def test_names_that_clash_are_listed(asem: Any) -> None:
    found = listed(asem, a=plugin("mito"), b=plugin("mito"))
    assert found["a"] == found["b"]
    assert "asem-organelle-a and asem-organelle-b" in str(found["a"])
    code, _, err = asem("segment", "x", "--organelle", "mito", "-o", "y", a=plugin("mito"), b=plugin("mito"))
    assert code == 2
    assert "two plugins register the organelle 'mito'" in err


def test_a_broken_model_json(asem: Any, tmp_path: Path) -> None:
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "models" / "m" / "model.json").write_text('{"id": "m"}')
    bad = plugin(asem_register_organelles=lambda: [organelle("mito", models=packaged_models("p", tmp_path))])
    error = str(listed(asem, bad=bad, er=plugin("er"))["bad"])
    assert "model.json lacks 'preprocess': install the plugin again" in error
    code, _, err = asem("segment", "x", "--organelle", "mito", "-o", "y", bad=bad, er=plugin("er"))
    assert code == 2
    assert "unknown organelle 'mito'; installed: er; the plugin 'bad' (asem-organelle-bad) is broken: " in err
    assert "model.json lacks" in err


def test_names_that_an_organelle_uses_and_nobody_registered(asem: Any) -> None:
    model = ModelSpec(
        id="m",
        version="1",
        package="p:m",
        voxel_size_nm=(5, 5, 5),
        preprocess=(StageRef(name="magic"),),
        sha256="0",
        licence="",
        trained_on="",
    )
    wrong = {
        "exclusion zone 'ring'": organelle("x", exclusion_zone=StageRef(name="ring")),
        "exclusion zone 'disc'": organelle("x", zone_presets={"wide": StageRef(name="disc")}),
        "label rule 'shave'": organelle("x", cleanup=(StageRef(name="shave"),)),
        "preprocessor 'magic'": organelle("x", models=(model,)),
    }
    for what, spec in wrong.items():
        found = listed(asem, x=plugin(asem_register_organelles=lambda spec=spec: [spec]))
        assert str(found["x"]).startswith(f"the organelle 'x' uses the {what}, which is not there; there are: ")


def test_show_says_what_is_broken_and_what_works(asem: Any) -> None:
    bad = plugin("er", asem_register_readers=raising(ValueError("no disk")))
    code, out, _ = asem("plugins", "show", "bad", bad=bad)
    assert code == 0
    assert out.splitlines() == [
        "bad: asem-organelle-bad 1.2, broken: asem_register_readers: ValueError: no disk", "organelle er: Er",
    ]  # fmt: skip
    document = json.loads(asem("plugins", "show", "bad", "--json", bad=bad)[1])
    assert document["provides"] == {"organelle": {"er": "Er"}}
    assert document["error"].endswith("no disk")
    code, _, err = asem("plugins", "show", "nobody", bad=bad)
    assert (code, "unknown plugin 'nobody'; installed: asem-core, bad" in err) == (2, True)


def test_a_volume_that_nobody_reads_names_broken_readers(asem: Any, tmp_path: Path) -> None:
    (tmp_path / "x.czi").touch()
    code, _, err = asem(
        "info", str(tmp_path / "x.czi"), czi=plugin(asem_register_readers=raising(ValueError("no dll")))
    )
    assert code == 2
    assert "the plugin 'czi' (asem-organelle-czi) is broken: asem_register_readers: ValueError: no dll" in err


def test_an_observer_is_told_and_cannot_stop_a_run(caplog: pytest.LogCaptureFixture) -> None:
    told = []
    registry = registry_of(
        a=plugin(asem_run_finished=raising(SystemExit("enough"))),
        b=plugin(asem_run_finished=lambda event: told.append(event.verb)),
        c=plugin(asem_run_finished=lambda: told.append("no argument")),
    )
    registry.plugins.tell_finished(RunEvent(verb="segment", seconds=2.0))
    assert told == ["segment", "no argument"]
    assert "asem_run_finished of the plugin a: SystemExit: enough" in caplog.text


COMMANDS = [
    ["plugins", "list"],
    ["plugins", "show", "asem-core"],
    ["organelles"],
    ["datasets", "list"],
    ["zoo", "list"],
    ["--help"],
    ["analyze", "--help"],
    ["analyze", "objects", "--help"],
    ["info", "nothing.zarr"],
    ["convert", "nothing.zarr", "out.zarr"],
    ["mask", "nothing.zarr", "-o", "out.zarr"],
    ["preprocess", "nothing.zarr", "-o", "out.zarr", "--stage", "clahe"],
    ["labels", "prepare", "nothing.zarr", "--organelle", "er", "-o", "out.zarr"],
    ["segment", "nothing.zarr", "--organelle", "er", "-o", "out.zarr"],
    ["instances", "nothing.zarr", "--organelle", "er", "-o", "out.zarr"],
    ["evaluate", "nothing.zarr", "nothing.zarr", "--organelle", "er"],
    ["analyze", "objects", "nothing.zarr", "-o", "out"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_plugins_are_loaded_once_and_each_hook_called_once(
    asem: Any, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    calls: list[str] = []

    def counted(hook: str, returned: Any) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            calls.append(hook)
            return returned

        return call

    hooks = {name: counted(name, []) for name in REGISTERING}
    hooks["asem_register_organelles"] = counted("asem_register_organelles", [organelle("er")])
    hooks["asem_register_commands"] = lambda cli: calls.append("asem_register_commands")

    def load() -> Any:
        calls.append("load")
        return plugin(**hooks)

    asem(*words, counted=load)
    assert calls.count("load") == 1
    assert calls.count("asem_register_commands") == 1
    assert len(calls) == len(set(calls))
    if words == ["plugins", "list"]:
        assert set(calls) == {"load", "asem_register_commands", *REGISTERING}


def test_listing_what_is_installed_stays_light() -> None:
    code = (
        "import sys; from asem_core.cli.main import main; sys.argv = ['asem', 'plugins', 'list']; main(); "
        "print(sorted({'numpy', 'scipy', 'torch', 'xarray', 'zarr', 'onnx'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"
    assert all(line.endswith(" ok") for line in out.splitlines()[1:-1])
