"""Wheels are looked into: what is missing, damaged, another plugin's or too much is said."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from asem_core.specs import ModelSpec
from asem_core.testing import Finding, wheel_checks, wheels

from ..toys import organelle, plugin, registry_of

WEIGHTS, TENSOR, MODEL = b"weights", b"tensor", "asem_toy/models/toy"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


RDF = {
    "type": "model",
    "weights": {
        "onnx": {"source": "weights.onnx", "sha256": sha256(WEIGHTS)},
        "pytorch_state_dict": {"source": "weights_state_dict.pt", "sha256": sha256(b"not in the wheel")},
    },
    "inputs": [{"test_tensor": {"source": "test_input.npy", "sha256": sha256(TENSOR)}}],
    "attachments": [{"source": "https://example.org/a.txt"}],
}
GOOD = {
    "asem_toy/plugin.py": b"",
    "asem_toy/toy.yaml": b"",
    f"{MODEL}/model.json": b"{}",
    f"{MODEL}/rdf.yaml": yaml.safe_dump(RDF).encode(),
    f"{MODEL}/weights.onnx": WEIGHTS,
    f"{MODEL}/test_input.npy": TENSOR,
    "asem_toy-1.0.dist-info/entry_points.txt": b"[asem]\ntoy = asem_toy.plugin\n",
}
WRONG = {
    "entry point": ({"asem_toy-1.0.dist-info/entry_points.txt": b"[console_scripts]\n"}, "no entry point"),
    "entry point, of another plugin": (
        {"asem_toy-1.0.dist-info/entry_points.txt": b"[asem]\nother = asem_toy.plugin\n"}, "it has other, expected toy"
    ),
    "entry point, without its module": ({"asem_toy/plugin.py": None}, "plugin.py, its entry point toy, is missing"),
    "one package": ({"tests/test_toy.py": b""}, "it holds asem_toy, tests"),
    "recipes inside": ({"asem_toy/toy.yaml": None}, "asem_toy/toy.yaml is missing"),
    "models inside": ({f"{MODEL}/weights.onnx": None}, f"{MODEL}/weights.onnx is missing"),
    "models inside, none": ({name: None for name in GOOD if name.startswith(MODEL)}, f"{MODEL}/rdf.yaml is missing"),
    "models inside, with a tensor": ({f"{MODEL}/test_input.npy": None}, f"{MODEL}/test_input.npy is missing"),
    "models inside, whole": ({f"{MODEL}/weights.onnx": b"weigh"}, "the sha256 of"),
    "models inside, described": ({f"{MODEL}/rdf.yaml": None}, "rdf.yaml is missing"),
}  # fmt: skip


def findings(folder: Path, *, registers: bool = True, **changes: bytes | None) -> dict[str, Finding]:
    wheel = folder / "asem_toy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for name, content in {**GOOD, **changes}.items():
            if content is not None:
                file.writestr(name, content)
    model = ModelSpec(
        id="toy-10nm", version="1", package="asem_toy:models/toy", voxel_size_nm=(10.0, 10.0, 10.0),
        sha256=sha256(WEIGHTS), licence="none", trained_on="nothing",
    )  # fmt: skip
    more: dict[str, Any] = {"models": (model,), "recipe": "asem_toy:toy.yaml"} if registers else {}
    registry = registry_of(toy=plugin(asem_register_organelles=lambda: [organelle("toy", **more)]))
    return {check.name: check.perform() for check in wheel_checks(wheel, plugin="toy", registry=registry)}


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
    found = findings(tmp_path, registers=False)
    assert found["models inside"].skipped == "its plugin brings no model"
    assert found["recipes inside"].skipped == "its plugin has no recipe"
