"""A checkpoint with the published names gives what the package gives that it becomes, and what `asem segment` gives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from asem_core import Registry, Volume
from asem_core.geometry import Box
from asem_core.grid.mirror import read_mirrored
from asem_core.predict.segment import segment
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.specs import OrganelleSpec, StageRef
from asem_core.volume import open_volume
from asem_core.zoo.write.checkpoint import CLAHE, describe_checkpoint
from asem_core.zoo.write.parity import run_onnxruntime
from asem_core.zoo.write.stages import FIXED, as_told

torch = pytest.importorskip("torch", reason="importing needs torch: pip install 'asem-core[train]'")
from torch import nn  # noqa: E402

Array = npt.NDArray[np.float32]
TOLERANCE = 1e-5


class Pass(nn.Module):  # type: ignore[misc,unused-ignore]
    def __init__(self, *channels: int, activate: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in pairwise(channels):
            layers += [nn.Conv3d(a, b, 3)] + [nn.ReLU()] * activate
        self.conv_pass = nn.Sequential(*layers)


class Published(nn.Module):  # type: ignore[misc,unused-ignore]
    """The network of the paper, written from its table of layers (base 2), with the names of the published files."""

    def __init__(self) -> None:
        super().__init__()
        self.unet = nn.Module()
        self.unet.l_conv = nn.ModuleList([Pass(1, 2, 2), Pass(2, 4, 4), Pass(4, 8, 8), Pass(8, 16, 16)])
        self.unet.r_conv = nn.ModuleList([nn.ModuleList([Pass(6, 2, 2), Pass(12, 4, 4), Pass(24, 8, 8)])])
        self.final_conv_pass = Pass(2, 2, activate=False)

    def forward(self, x: Any) -> Any:
        left = []
        for level in range(4):
            x = self.unet.l_conv[level].conv_pass(x if level == 0 else nn.functional.max_pool3d(x, 2))
            left.append(x)
        for level, factor in ((2, 2), (1, 4), (0, 8)):
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)
            side = factor * ((x.shape[-1] - 4) // factor) + 4
            x = torch.cat([self.crop(left[level], side), self.crop(x, side)], 1)
            x = self.unet.r_conv[0][level].conv_pass(x)
        return torch.softmax(self.final_conv_pass.conv_pass(x), 1)[0, 1]

    @staticmethod
    def crop(x: Any, side: int) -> Any:
        a = (x.shape[-1] - side) // 2
        return x[..., a : a + side, a : a + side, a : a + side]


@pytest.fixture(scope="module")
def network() -> Published:
    torch.manual_seed(4)
    network = Published().eval()
    with torch.no_grad():
        for name, values in network.named_parameters():
            values.normal_(0, (2 / values[0].numel()) ** 0.5 if name.endswith("weight") else 0.1)
    return network


def probability(network: Published, scaled: Array) -> Array:
    with torch.no_grad():
        found: Array = network(torch.from_numpy(scaled)[None, None]).numpy()
    return found


def not_installed(onnx: Path, scaled: Array) -> Array:
    raise ImportError


@pytest.fixture(scope="module")
def store(network: Published, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model store with the network as ``checkpoint-er-cf-5nm``."""
    from asem_core.plugins import make_manager
    from asem_core.training.importing import install_checkpoint

    folder = tmp_path_factory.mktemp("import")
    torch.save({"model_state_dict": network.state_dict(), "optimizer_state_dict": {}}, folder / "er.pt")
    spec = describe_checkpoint(
        folder / "er.pt", organelle="er", voxel_size_nm=(5, 5, 5), fixation="CF", registry=Registry(make_manager([]))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASEM_MODELS", str(folder / "store"))
        patch.setattr("asem_core.zoo.write.samples.PARITY_SIDE", 120)
        patch.setattr("asem_core.zoo.write.parity.run_openvino", not_installed)
        install_checkpoint(folder / "er.pt", spec=spec, date="2026-01-02")
        yield folder / "store"


def test_the_package_is_the_checkpoint(network: Published, store: Path) -> None:
    scaled = np.random.default_rng(2).uniform(-1, 1, (128, 128, 128)).astype(np.float32)
    found = run_onnxruntime(store / "checkpoint-er-cf-5nm/weights.onnx", scaled)
    expected = probability(network, scaled[2:-2, 2:-2, 2:-2])
    assert expected.shape == (30, 30, 30)
    assert expected.std() > 0.01
    np.testing.assert_allclose(found[49:-49, 49:-49, 49:-49], expected, atol=TOLERANCE, rtol=0)


def test_the_engine_equalises_as_the_weights_expect(
    network: Published,
    store: Path,
    registry: Registry,
    as_volume: Callable[..., Volume],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASEM_MODELS", str(store))
    raw = np.random.default_rng(3).integers(60, 120, (64, 64, 64)).astype(np.uint8)
    volume = as_volume(raw, (5.0, 5.0, 5.0))
    er = OrganelleSpec(name="er", title="ER", exclusion_zone=StageRef(name="shell", params={"dilate": 1, "erode": 1}))
    result = segment(
        volume,
        tmp_path / "er.zarr",
        organelle=er,
        model="checkpoint-er-cf-5nm",
        registry=registry,
        runtime="onnxruntime",
        tile=168,
        prob_dtype="float32",
        workers=1,
    )
    steps = make_steps(CLAHE, registry)
    equal = normalised(volume, steps, measure(volume, steps))
    seen = read_mirrored(equal.read, equal.shape, Box((-50, -50, -50), (114, 114, 114))).astype(np.float32)
    expected = probability(network, as_told(seen, [FIXED]))[3:-3, 3:-3, 3:-3]
    unequal = read_mirrored(volume.read, volume.shape, Box((-50, -50, -50), (114, 114, 114))).astype(np.float32)
    found = open_volume(result.path, registry=registry)
    np.testing.assert_allclose(found.read(found.box), expected, atol=TOLERANCE, rtol=0)
    assert np.abs(probability(network, as_told(unequal, [FIXED]))[3:-3, 3:-3, 3:-3] - expected).max() > 100 * TOLERANCE
