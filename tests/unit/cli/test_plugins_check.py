"""``asem plugins check``: a line per check, and an error where one fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from asem_core.cli.plugins import plugins
from asem_core.errors import PluginError
from asem_core.registry import Registry
from asem_core.specs import LabelRuleSpec, ReaderSpec

from ...contracts.toys import plugin, registry_of

RULE = {"version": "1", "summary": "", "params": "asem_core.labels.rules:FillHoles"}
"""Parameters of core, with another function."""


@pytest.fixture
def registry() -> Registry:
    rule = LabelRuleSpec(name="toy", fn="asem_core.labels.rules:missing", **RULE)
    reader = ReaderSpec(
        name="toy",
        summary="",
        accepts="asem_core.volume.formats.npy:accepts",
        open="asem_core.volume.formats.npy:open_npy",
    )
    return registry_of(
        sound=plugin("toy"),
        wrong=plugin(asem_register_label_rules=lambda: [rule]),
        files=plugin(asem_register_readers=lambda: [reader]),
    )


def check(registry: Registry, *words: Any) -> Result:
    return CliRunner().invoke(plugins, ["check", *map(str, words)], obj=registry)


@pytest.fixture(autouse=True)
def not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toys are not installed, so that nothing can be listed in a process of its own."""
    monkeypatch.setattr("asem_core.testing.kit.light_checks", lambda plugin: iter(()))


def test_what_passes(registry: Registry) -> None:
    found = check(registry, "sound")
    assert found.exit_code == 0, found.output
    assert found.output.splitlines() == [
        "passed  plugin: hooks and specs",
        "passed  organelle 'toy': stages",
        "skipped organelle 'toy': recipe and card: it has no recipe",
    ]


def test_what_fails(registry: Registry) -> None:
    found = check(registry, "wrong")
    assert isinstance(found.exception, PluginError)
    assert str(found.exception) == "wrong: 1 of 8 checks failed, see above"
    lines = found.output.splitlines()
    assert lines[1].startswith("failed  label rule 'toy': functions: fn: cannot load asem_core.labels.rules:missing")
    assert lines[3].startswith("skipped label rule 'toy': shape and dtype: failed before: label rule 'toy': functions")


def test_json(registry: Registry) -> None:
    found = json.loads(check(registry, "sound", "--json").output)
    assert [each["state"] for each in found] == ["passed", "passed", "skipped"]


def test_a_volume_is_for_the_reader_that_accepts_it(registry: Registry, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 5, 6), np.uint8))
    said = check(registry, "files", "--volume", tmp_path / "a.npy").output
    assert "failed  reader 'toy': is the only one that accepts its sample: the reader npy accepts" in said
    error = check(registry, "files", "--volume", tmp_path / "a.tif").exception
    assert f"no reader of files accepts {tmp_path / 'a.tif'}; it has: toy" in str(error)


def test_a_plugin_that_is_not_there(registry: Registry) -> None:
    assert "unknown plugin 'nobody'; installed: asem-core, files, sound, wrong" in str(
        check(registry, "nobody").exception
    )
