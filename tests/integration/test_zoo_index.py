"""``zoo/index.json`` is what the plugins hold."""

from __future__ import annotations

import json
from pathlib import Path

from asem_core import make_registry
from asem_core.zoo.files import file_sha256
from asem_core.zoo.find import all_models

from ..scripts import load_script


def test_index_is_up_to_date(root: Path) -> None:
    module = load_script(root / "zoo/index.py")
    assert (root / "zoo/index.json").read_text() == module.text(), "run: python zoo/index.py"


def test_index_names_what_plugins_register(root: Path) -> None:
    index = {entry["id"]: entry for entry in json.loads((root / "zoo/index.json").read_text())}
    brought = {m.spec.id: m for m in all_models(make_registry()) if m.distribution is not None}
    ours = {name: m for name, m in brought.items() if m.folder.is_relative_to(root)}
    assert set(index) == set(ours)
    for name, model in ours.items():
        entry = index[name]
        assert entry["onnx_sha256"] == model.spec.sha256 == file_sha256(root / entry["package"] / "weights.onnx")
        assert entry["plugin"] == model.distribution
        assert entry["organelle"] == model.organelle
        assert model.folder == root / entry["package"]
