"""Packages of ours: their stages, and tiles that rdf.yaml describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from asem_core.errors import ModelError, PluginError
from asem_core.geometry import Box
from asem_core.models.own import described_tiling, open_own
from asem_core.models.tiling import Sizes
from asem_core.network import RIM, TILE_HALO
from asem_core.preprocessing.stages import make_steps, split_steps
from asem_core.registry import Registry
from asem_core.specs import StageRef

from ...own_package import write_tiles


def test_stages_run_in_the_order_in_which_the_model_names_them(toy: Any, registry: Registry) -> None:
    stages = [
        StageRef(name="scale_linear", params={"gain": 2.0, "offset": 0.0}),
        StageRef(name="scale_linear", params={"gain": 1.0, "offset": 3.0}),
    ]
    block = np.full((2, 2, 2), 5.0, np.float32)

    def run(stages: list[StageRef], block: Any) -> Any:
        model = attrs.evolve(toy.organelle.models[0], preprocess=tuple(stages))
        own = open_own(model, registry=registry)
        assert not own.before
        tile = own.predictor(None, lattice=own.tiling.lattice((112, 112, 112)), stats={}, probability=True)
        return tile.prepare(block, Box.of_shape(block.shape))[0, 0]

    assert (run(stages, block) == 13).all()
    assert (run(stages[::-1], block) == 16).all()
    default = run([StageRef(name="scale_linear")], np.array([[[0.0, 127.5, 255.0]]], np.float32))
    np.testing.assert_allclose(default, [[[-1, 0, 1]]], atol=1e-6)


def test_unknown_stage(registry: Registry) -> None:
    with pytest.raises(PluginError, match=r"unknown preprocessor 'clahee'; installed: clahe, .*scale_linear"):
        make_steps([StageRef(name="clahee")], registry)


def test_what_needs_the_whole_volume_runs_over_it(registry: Registry) -> None:
    names = ["percentile_rescale", "clahe", "scale_linear"]
    steps = make_steps([StageRef(name=name) for name in names], registry)
    before, inside = split_steps(steps)
    assert [step.spec.name for step in before] == names[:2]
    assert [step.spec.name for step in inside] == names[2:]
    (last,) = make_steps([StageRef(name="clahe")], registry)
    float_ = attrs.evolve(last, spec=attrs.evolve(last.spec, dtype_out="float32"))
    with pytest.raises(
        ModelError, match="'clahe' runs over the whole volume: it must give uint8, 0 to 255, got float32"
    ):
        split_steps([steps[0], float_, steps[2]])


def test_tiles_are_those_of_the_description(tmp_path: Path) -> None:
    write_tiles(tmp_path)
    usual = described_tiling(tmp_path, tmp_path / "weights.onnx")
    assert usual.sizes == (Sizes(112, 8),) * 3
    assert usual.halo == (52, 52, 52)
    write_tiles(tmp_path, size={"min": 128, "step": 16}, halo=56)
    other = described_tiling(tmp_path, tmp_path / "weights.onnx")
    assert other.lattice((144, 160, 144)).keep == (32, 48, 32)
    assert other.halo == (56, 56, 56)


def test_every_installed_package_describes_the_tiles_of_our_network(root: Path) -> None:
    folders = sorted(path.parent for path in (root / "plugins").rglob("models/*/rdf.yaml"))
    assert len(folders) >= 7
    for folder in folders:
        tiling = described_tiling(folder, folder / "weights.onnx")
        assert tiling.lattice((112, 120, 168)).keep == (8, 16, 64)
        assert set(tiling.halo) == {TILE_HALO}


@pytest.mark.parametrize(
    "size", [112, {"min": 112}, {"min": 0, "step": 8}, {"min": 112, "step": 0}, {"min": "x", "step": 8}]
)
def test_sizes_that_are_no_tiles_of_ours(tmp_path: Path, size: Any) -> None:
    write_tiles(tmp_path, size=size)
    with pytest.raises(ModelError, match=r"which tiles the network takes|no tiles of our network"):
        described_tiling(tmp_path, tmp_path / "weights.onnx")


@pytest.mark.parametrize("halo", [RIM - 1, "wide", None])
def test_halos_that_are_too_narrow(tmp_path: Path, halo: Any) -> None:
    write_tiles(tmp_path, halo=halo)
    with pytest.raises(ModelError, match=r"which tiles the network takes|no tiles of our network"):
        described_tiling(tmp_path, tmp_path / "weights.onnx")


def test_the_numbers_of_the_network_are_those_of_the_network() -> None:
    pytest.importorskip("torch", reason="the network needs torch: pip install 'asem-core[train]'")
    from asem_core import network
    from asem_core.training import unet

    assert [network.LEVELS, network.CONTEXT, network.PACKAGE_CROP] == [unet.LEVELS, unet.CONTEXT, unet.PACKAGE_CROP]
