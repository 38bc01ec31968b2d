"""What training begins from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
import pytest
import torch

from asem_core.errors import ModelError, RecipeError
from asem_core.registry import make_registry
from asem_core.specs import ModelSpec, StageRef
from asem_core.training.export import export_onnx, round_to_fp16
from asem_core.training.recipe import Recipe, structure_recipe
from asem_core.training.start import make_network, with_stages
from asem_core.training.unet import PackageNet, UNet
from asem_core.zoo.find import package_of
from asem_core.zoo.manifest import write_manifest
from asem_core.zoo.whole import whole


def recipe(**changes: Any) -> Recipe:
    values = {
        "organelle": "golgi",
        "voxel_size_nm": [10, 10, 10],
        "training": [{"raw": "a.zarr", "labels": "a.zarr"}],
        "base": 2,
        "phases": [{"iterations": 1, "side": 16, "padded": True}],
    }
    return structure_recipe({**values, **changes}, where="test")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    """As much of a model package as training starts from, and the weights in it."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(4)
    network = UNet(2)
    network.load_state_dict(round_to_fp16(network.state_dict()))
    export_onnx(network, folder / "weights.onnx")
    return folder, network.state_dict()


def test_from_nothing_the_seed_decides() -> None:
    registry = make_registry()
    first, again, other = (make_network(recipe(seed=seed), registry).state_dict() for seed in (1, 1, 2))
    for name, value in first.items():
        assert torch.equal(value, again[name])
        if name.endswith("weight"):
            assert not torch.equal(value, other[name])


def test_from_a_package_its_weights(package: tuple[Path, dict[str, torch.Tensor]]) -> None:
    folder, weights = package
    network = make_network(recipe(start=str(folder)), make_registry())
    for name, value in network.state_dict().items():
        assert torch.equal(value, weights[name]), name
    assert all(weight.requires_grad for weight in network.parameters())


def test_from_an_installed_model() -> None:
    registry = make_registry()
    with package_of("er-10nm", registry=registry) as short, whole(short) as folder:
        packed = PackageNet(16)
        packed.load_state_dict(torch.load(folder / "weights_state_dict.pt", weights_only=True))
    for start in ("er-10nm", "er-10nm@2.0.0"):
        network = make_network(recipe(start=start, base=16), registry)
        for name, value in network.state_dict().items():
            assert torch.equal(value, packed.network.state_dict()[name]), name


def test_what_cannot_be_started_from(package: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path) -> None:
    registry = make_registry()
    with pytest.raises(ModelError, match=r"no model 'er-11nm'.*er-10nm"):
        make_network(recipe(start="er-11nm"), registry)
    with pytest.raises(ModelError, match=r"no version 0\.9 of the model 'er-10nm' is installed, but 2\.0\.0"):
        make_network(recipe(start="er-10nm@0.9"), registry)
    with pytest.raises(RecipeError, match=r"it is a U-Net of base 2, the recipe's has base 4; .*one of its own size"):
        make_network(recipe(start=str(package[0]), base=4), registry)
    with pytest.raises(ModelError, match=r"weights\.onnx: cannot be read: No such file"):
        make_network(recipe(start=str(tmp_path)), registry)
    (tmp_path / "weights.onnx").write_bytes(b"half")
    with pytest.raises(ModelError, match="is no ONNX file"):
        make_network(recipe(start=str(tmp_path)), registry)
    other = onnx.helper.make_node("Relu", ["x"], ["y"])
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy")
    stray = onnx.numpy_helper.from_array(np.zeros(3, np.float32), "network.stray")
    for tensors, error, said in (([], ModelError, "not hold the weights"), ([stray], RecipeError, "are no U-Net")):
        graph = onnx.helper.make_graph([other], "other", [x], [y], tensors)
        onnx.save(onnx.helper.make_model(graph), tmp_path / "weights.onnx")
        with pytest.raises(error, match=said):
            make_network(recipe(start=str(tmp_path)), registry)


@torch.no_grad()
def test_normalisations_are_put_back_without_effect(package: tuple[Path, dict[str, torch.Tensor]]) -> None:
    plain, normalised = (
        make_network(recipe(start=str(package[0]), normalise=n), make_registry()) for n in (False, True)
    )
    assert any(isinstance(module, torch.nn.BatchNorm3d) for module in normalised.modules())
    x = torch.rand(1, 1, 100, 100, 100) * 2 - 1
    torch.testing.assert_close(normalised.eval()(x), plain.eval()(x), rtol=0, atol=1e-5)


def test_the_stages_of_the_model_come_along(package: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path) -> None:
    registry, folder = make_registry(), tmp_path / "model"
    shutil.copytree(package[0], folder)
    model = ModelSpec(
        id="m",
        version="1",
        package=str(folder),
        voxel_size_nm=(10, 10, 10),
        sha256="",
        licence="",
        trained_on="",
        preprocess=(StageRef(name="clahe", params={"kernel": 24}), StageRef(name="scale_linear")),
    )
    write_manifest(model, folder)
    assert with_stages(recipe(start=str(folder)), registry).preprocess == model.preprocess[:1]
    other = {"name": "percentile_rescale", "params": {"low": 1.0}}
    assert with_stages(recipe(start=str(folder), preprocess=[other]), registry).preprocess == (StageRef(**other),)
    assert with_stages(recipe(start=str(folder), preprocess=[]), registry).preprocess == ()
    assert with_stages(recipe(start=str(package[0])), registry).preprocess is None
    assert with_stages(recipe(), registry).preprocess is None
    write_manifest(attrs.evolve(model, preprocess=model.preprocess[:1]), folder)
    with pytest.raises(RecipeError, match="its last stage is clahe:kernel=24, that of every training scale_linear"):
        with_stages(recipe(start=str(folder)), registry)
