"""``asem doctor``: what it finds, and that it exits with 1 where something is broken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from asem_core import doctor as library
from asem_core.cli.doctor import doctor
from asem_core.hookspecs import hookimpl
from asem_core.plugins import make_manager
from asem_core.registry import Registry
from asem_core.specs import RuntimeSpec


class Point:
    """An entry point that cannot be loaded, or loads what it is given."""

    name, dist = "bad", None

    def __init__(self, plugin: Any = None) -> None:
        self._plugin = plugin

    def load(self) -> Any:
        if self._plugin is None:
            raise ImportError("no module named cells")
        return self._plugin


def test_a_sound_installation(registry: Registry) -> None:
    said = CliRunner().invoke(doctor, [], obj=registry)
    assert said.exit_code == 0, said.output
    heads = [line[:12].strip() for line in said.stdout.splitlines() if line[:12].strip()]
    assert heads[:11] == [
        "ASEM", "Python", "system", "libraries", "extras", "plugins", "processor", "GPU", "memory", "disk", "runtimes",
    ]  # fmt: skip
    assert "broken      nothing" in said.stdout
    found = json.loads(CliRunner().invoke(doctor, ["--json"], obj=registry).stdout)
    assert found["broken"] == []
    assert any(line.startswith("onnxruntime: f32") for line in found["facts"]["runtimes"])
    assert any("GB free for ASEM" in line for line in found["facts"]["memory"])


def test_a_plugin_that_is_broken_is_named_and_fails() -> None:
    said = CliRunner().invoke(doctor, [], obj=Registry(make_manager([Point()])))
    assert said.exit_code == 1
    assert "broken      plugin bad (unknown unknown): ImportError: no module named cells" in said.stdout


def test_a_runtime_that_raises_is_shown() -> None:
    spec = RuntimeSpec(name="odd", summary="", probe="builtins:input", open="builtins:int")

    class Plugin:
        @hookimpl
        def asem_register_runtimes(self) -> list[RuntimeSpec]:
            return [spec]

    found = library.diagnose(Registry(make_manager([Point(Plugin())])))
    assert any(line.startswith("odd: ") for line in found.facts["runtimes"])


@pytest.mark.parametrize(
    ("installed", "gpus", "says"),
    [
        ({"nncf": "3"}, (), "`asem zoo quantise MODEL` makes a faster model"),
        ({}, (), "asem-core[quantise]"),
        ({}, ("H200",), "asem-core[cuda]"),
        ({}, (), "asem-core[train]"),
    ],
)
def test_advice(installed: dict[str, str], gpus: tuple[str, ...], says: str) -> None:
    from asem_core.specs import Capabilities, Precision

    int8 = Precision(name="int8", bytes_per_value=1, speed=3, quantised=True)
    f32 = Precision(name="f32", bytes_per_value=4, speed=1)
    abilities = {name: Capabilities(precisions=(int8, f32), rank=1) for name in ("openvino", "onnxruntime")}
    assert any(says in line for line in library._advice(installed, abilities, gpus))


def test_two_distributions_of_onnxruntime_are_broken(registry: Registry) -> None:
    both = {"onnxruntime": "1", "onnxruntime-gpu": "1"}
    said = " ".join(library._broken(registry, {}, both))
    assert "overwrite each other" in said
    assert "no runtime works" in said
