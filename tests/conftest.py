"""What tests of several kinds share."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from scipy import ndimage

from asem_core import Registry, Volume, VoxelSize
from asem_core.plugins import make_manager
from asem_core.specs import ModelSpec, OrganelleSpec, StageRef
from asem_core.zoo.files import ONNX_NAME, file_sha256

from .own_package import write_tiles

# Before torch is imported: test processes share the cores, and its threads wait for one another spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).parents[1]

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder that holds ``epfl_hippocampus``: $ASEM_DATA, or ../shared/data beside the repository."""
    folder = Path(os.environ.get("ASEM_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "epfl_hippocampus" / "raw").is_dir():
        pytest.skip(f"no real data: {folder} has no epfl_hippocampus; set ASEM_DATA to the folder that has")
    return folder


@pytest.fixture(autouse=True)
def model_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty model store, in place of the user's own."""
    monkeypatch.setenv("ASEM_MODELS", str(tmp_path / "asem-models"))
    return tmp_path / "asem-models"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that the tests of a process share, in place of the user's own."""
    folder = tmp_path_factory.getbasetemp() / "asem-cache"
    monkeypatch.setenv("ASEM_CACHE", str(folder))
    return folder


@pytest.fixture
def registry() -> Registry:
    """Core's own readers, steps and runtimes, whatever is installed beside them."""
    return Registry(make_manager([]))


@attrs.frozen
class ToyModel:
    """A small random network as an installed organelle plugin would carry it."""

    organelle: OrganelleSpec
    onnx: Path

    def at(self, voxel_size_nm: tuple[float, float, float]) -> OrganelleSpec:
        """The same organelle with a model of another voxel size."""
        model = attrs.evolve(self.organelle.models[0], voxel_size_nm=voxel_size_nm)
        return attrs.evolve(self.organelle, models=(model,))


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory, tissue: npt.NDArray[np.uint8]) -> Iterator[ToyModel]:
    """An organelle ``toy`` at 10 nm whose network has two features and random weights; labels about half a volume."""
    from asem_core.training.export import export_onnx, round_to_fp16
    from asem_core.training.unet import UNet

    network = _spread(UNet(2).eval(), tissue)
    network.load_state_dict(round_to_fp16(network.state_dict()))

    folder = tmp_path_factory.mktemp("plugin")
    package = folder / "asem_toy_package"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    write_tiles(package / "model")
    onnx = package / "model" / ONNX_NAME
    export_onnx(network, onnx)
    model = ModelSpec(
        id="toy-10nm",
        version="1",
        package="asem_toy_package:model",
        voxel_size_nm=(10.0, 10.0, 10.0),
        preprocess=(StageRef(name="scale_linear"),),
        sha256=file_sha256(onnx),
        licence="none",
        trained_on="nothing",
    )
    organelle = OrganelleSpec(
        name="toy",
        title="Toy",
        exclusion_zone=StageRef(name="shell", params={"dilate": 1, "erode": 1}),
        models=(model,),
        default_model="toy-10nm",
    )
    sys.path.insert(0, str(folder))
    yield ToyModel(organelle, onnx)
    sys.path.remove(str(folder))


def _spread(network: Any, tissue: npt.NDArray[np.uint8]) -> Any:
    """``network`` with random weights whose probability on ``tissue`` varies about 0.5."""
    import torch

    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, values in network.named_parameters():
            if name.endswith("weight"):
                values.normal_(0, (2.0 / values[0].numel()) ** 0.5, generator=generator)
            else:
                values.normal_(0, 0.1, generator=generator)
        block = torch.from_numpy(np.pad(tissue, ((0, 46), (0, 26), (0, 36)), mode="symmetric")).float()[None, None]
        head = network.final_conv_pass.conv_pass[0]
        logits = network(block * (2 / 255) - 1)[0]
        head.weight.mul_(2.0 / (logits[1] - logits[0]).std())
        logits = network(block * (2 / 255) - 1)[0]
        head.bias[0] += (logits[1] - logits[0]).median()
    return network


@pytest.fixture(scope="session")
def tissue() -> npt.NDArray[np.uint8]:
    """A smooth random image ``(70, 90, 80)`` uint8."""
    noise = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(70, 90, 80)), 2)
    return np.clip(128 + 60 * noise / noise.std(), 0, 255).astype(np.uint8)


def make_volume(array: npt.NDArray[Any], voxel_size_nm: tuple[float, float, float] = (10.0, 10.0, 10.0)) -> Volume:
    """``array`` as a volume in memory, stored in chunks."""
    return Volume(
        array=array,
        voxel_size=VoxelSize(voxel_size_nm),
        uri="memory",
        format="memory",
        chunks=(32, 32, 32),
        identity={"sha256": hashlib.sha256(array.tobytes()).hexdigest()},
    )


@pytest.fixture(scope="session")
def as_volume() -> Callable[..., Volume]:
    """`make_volume`."""
    return make_volume
