"""Packages of ours with a graph that does nothing: for what moves and checks packages and runs none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml

from asem_core.zoo.files import (
    ARCHITECTURE_NAME,
    ONNX_NAME,
    STATE_DICT_NAME,
    TEST_INPUT_NAME,
    TEST_OUTPUT_NAME,
    file_sha256,
)


def light_package(package: Path, folder: Path, *, note: str = "", **values: Any) -> Path:
    """A copy of ``package`` in ``folder``, ``note`` at the end of its card and ``values`` in ``model.json``."""
    shutil.copytree(package, folder, ignore=shutil.ignore_patterns("__pycache__", STATE_DICT_NAME, ARCHITECTURE_NAME))
    axes = ["batch", "channel", "z", "y", "x"]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, axes) for name in ("raw", "probability")]
    node = onnx.helper.make_node("Identity", ["raw"], ["probability"])
    graph = onnx.helper.make_graph([node], "nothing", ends[:1], ends[1:])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), folder / ONNX_NAME)
    for name in (TEST_INPUT_NAME, TEST_OUTPUT_NAME):
        np.save(folder / name, np.zeros((1, 1, 8, 8, 8), np.float32))
    with (folder / "README.md").open("a", encoding="utf-8") as card:
        card.write(note)
    manifest = json.loads((folder / "model.json").read_text())
    manifest |= {"sha256": file_sha256(folder / ONNX_NAME), **values}
    (folder / "model.json").write_text(json.dumps(manifest))
    described = yaml.safe_load((folder / "rdf.yaml").read_text())
    del described["weights"]["pytorch_state_dict"], described["weights"]["onnx"]["parent"]
    described |= {key: values[key] for key in ("id", "version") if key in values}
    _state_again(described, folder)
    (folder / "rdf.yaml").write_text(yaml.safe_dump(described))
    return folder


def _state_again(part: Any, folder: Path) -> None:
    """Every sha256 that a description states of a file, as the file is now."""
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _state_again(value, folder)
    if isinstance(part, dict) and "sha256" in part:
        part["sha256"] = file_sha256(folder / part["source"])
