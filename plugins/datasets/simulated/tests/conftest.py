"""A small cell, drawn once; and a stand-in for the mitochondria plugin that calls every dark voxel a mitochondrion."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from asem_dataset_simulated import CellSpec, View, make_cell, write_view
from asem_dataset_simulated.cell.named import CELLS, NamedCell, Part
from asem_dataset_simulated.cell.scene import Cell
from asem_dataset_simulated.cell.style import LABELS
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from asem_core import Registry, hookimpl, open_volume
from asem_core.plugins import make_manager
from asem_core.specs import ModelSpec, OrganelleSpec, StageRef

DARK = 125.0
PACKAGE = "toy_mito_weights"


@dataclass(frozen=True)
class Body:
    """A whole small cell without its filopodia, at 16 nm, as written to disk."""

    view: View
    path: Path
    arrays: dict[str, NDArray[Any]]
    """Image and labels by name."""
    tables: dict[str, list[dict[str, str]]]

    def at(self, name: str, points_nm: NDArray[np.float64]) -> NDArray[Any]:
        """The voxels of ``name`` at points (N, 3) that lie in the view."""
        index = np.floor((points_nm - self.view.origin_nm) / self.view.voxel_size_nm).astype(int)
        return self.arrays[name][tuple(index.T)]


@pytest.fixture(scope="session")
def small_cell() -> Cell:
    """As small as a cell may be, chemically fixed."""
    return make_cell(CellSpec(seed=1, diameter_um=2.5))


@pytest.fixture(scope="session")
def body(small_cell: Cell, tmp_path_factory: pytest.TempPathFactory) -> Body:
    """`small_cell` on disk."""
    voxel = 16.0
    size = np.array([2200.0, 1600.0, 2560.0])
    low = np.rint(small_cell.membrane.centre_nm - [1100, 900, 1280])
    view = View(small_cell, tuple(int(n) for n in size // voxel), (voxel,) * 3, tuple(float(v) for v in low))
    path = tmp_path_factory.mktemp("body") / "body.zarr"
    write_view(path, view)
    places = {"image": path, **{name: path / "labels" / name for name in LABELS}}
    volumes = {name: open_volume(place) for name, place in places.items()}
    tables = {}
    for table in ("organelles", "pores", "pits"):
        with (path / "tables" / f"{table}.csv").open(newline="") as file:
            tables[table] = list(csv.DictReader(file))
    return Body(view, path, {name: volume.read(volume.box) for name, volume in volumes.items()}, tables)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> NamedCell:
    """A named cell called ``tiny`` with a part called ``piece``."""
    parts = {"piece": Part(middle=(0.0, -0.06, 0.3), size_um=(0.4, 0.4, 0.4))}
    cell = NamedCell(
        name="tiny", seed=1, fixation="CF", diameter_um=2.5, role="training", mirrors="cell 0", parts=parts
    )
    monkeypatch.setitem(CELLS, "tiny", cell)
    return cell


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
    (folder / "__init__.py").touch()
    axes = {"min": 112, "step": 8}
    taken = [{"type": "space", "id": axis, "size": axes} for axis in "zyx"]
    given = [{"type": "space", "id": axis, "halo": 52} for axis in "zyx"]
    rdf = {"type": "model", "inputs": [{"axes": taken}], "outputs": [{"axes": given}]}
    (folder / "rdf.yaml").write_text(json.dumps(rdf))
    onnx.save(_graph(), str(folder / "weights.onnx"))
    return hashlib.sha256((folder / "weights.onnx").read_bytes()).hexdigest()


def _organelle(sha256: str) -> OrganelleSpec:
    model = ModelSpec(
        id="toy",
        version="1",
        package=f"{PACKAGE}:.",
        voxel_size_nm=(10.0, 10.0, 10.0),
        sha256=sha256,
        licence="none",
        trained_on="nothing",
    )
    zone = StageRef(name="shell", params={"dilate": 4, "erode": 4})
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
