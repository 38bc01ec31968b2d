"""Wheels are looked into: what is missing, damaged or too much is said."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from asem_core.testing import Finding, wheel_checks, wheels

WEIGHTS, MODEL = b"weights", "asem_toy/models/toy"
GOOD = {
    "asem_toy/plugin.py": b"",
    f"{MODEL}/model.json": json.dumps({"sha256": hashlib.sha256(WEIGHTS).hexdigest()}).encode(),
    f"{MODEL}/rdf.yaml": b"type: model",
    f"{MODEL}/weights.onnx": WEIGHTS,
    "asem_toy-1.0.dist-info/entry_points.txt": b"[asem]\ntoy = asem_toy.plugin\n",
}
WRONG = {
    "entry point": ({"asem_toy-1.0.dist-info/entry_points.txt": b"[console_scripts]\n"}, "no entry point"),
    "one package": ({"tests/test_toy.py": b""}, "it holds asem_toy, tests"),
    "models inside": ({f"{MODEL}/weights.onnx": None}, f"{MODEL}/weights.onnx is missing"),
    "models inside, whole": ({f"{MODEL}/weights.onnx": b"weigh"}, "the sha256 of"),
    "models inside, described": ({f"{MODEL}/rdf.yaml": None}, "rdf.yaml is missing"),
}


def findings(folder: Path, **changes: bytes | None) -> dict[str, Finding]:
    wheel = folder / "asem_toy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for name, content in {**GOOD, **changes}.items():
            if content is not None:
                file.writestr(name, content)
    return {check.name: check.perform() for check in wheel_checks(wheel)}


def test_a_good_one_passes(tmp_path: Path) -> None:
    assert {finding.state for finding in findings(tmp_path).values()} == {"passed"}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_one_fails_there_and_nowhere_else(tmp_path: Path, fault: str) -> None:
    changes, says = WRONG[fault]
    failed = {name: f.problems for name, f in findings(tmp_path, **changes).items() if f.problems}
    assert list(failed) == [fault.partition(",")[0]]
    assert says in failed[fault.partition(",")[0]][0]


def test_one_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "LARGEST", 100)
    assert "bytes, more than 100" in findings(tmp_path)["size"].problems[0]


def test_a_plugin_without_models(tmp_path: Path) -> None:
    none = {name: None for name in GOOD if name.startswith(MODEL)}
    assert findings(tmp_path, **none)["models inside"].skipped == "it brings no model"
