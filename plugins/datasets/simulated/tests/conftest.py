"""A stand-in for the mitochondria plugin: its model calls every dark voxel a mitochondrion."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asem_core import Registry, hookimpl
from asem_core.plugins import make_manager
from asem_core.specs import ExclusionZone, ModelSpec, OrganelleSpec

DARK = 125.0
PACKAGE = "toy_mito_weights"


@pytest.fixture
def toy_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry with core's own things and the organelle ``mito``."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    organelle = _organelle(_write_package(tmp_path / PACKAGE))
    plugin = SimpleNamespace(asem_register_organelles=hookimpl(lambda: [organelle]))
    return Registry(make_manager([SimpleNamespace(name="toy", dist=None, load=lambda: plugin)]))


def _write_package(folder: Path) -> str:
    """The sha256 of the weights."""
    folder.mkdir()
    for name in ("__init__.py", "rdf.yaml"):
        (folder / name).touch()
    onnx.save(_graph(), str(folder / "weights.onnx"))
    return hashlib.sha256((folder / "weights.onnx").read_bytes()).hexdigest()


def _organelle(sha256: str) -> OrganelleSpec:
    model = ModelSpec(
        id="toy", version="1", package=f"{PACKAGE}:.", voxel_size_nm=(10.0, 10.0, 10.0), sha256=sha256,
        licence="none", trained_on="nothing",
    )  # fmt: skip
    zone = ExclusionZone(dilate=4, erode=4)
    return OrganelleSpec(name="mito", title="Toy", exclusion_zone=zone, models=(model,), default_model="toy")


def _graph() -> onnx.ModelProto:
    shape = ["n", 1, "z", "y", "x"]
    weight = numpy_helper.from_array(np.full((1, 1, 1, 1, 1), -1, np.float32), "weight")
    bias = numpy_helper.from_array(np.full(1, DARK, np.float32), "bias")
    nodes = [
        helper.make_node("Conv", ["raw", "weight", "bias"], ["dark"]),
        helper.make_node("Sigmoid", ["dark"], ["p"]),
    ]
    raw, probability = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("raw", "p"))
    graph = helper.make_graph(nodes, "dark", [raw], [probability], [weight, bias])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
