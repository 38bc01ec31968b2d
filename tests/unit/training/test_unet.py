"""The network against the layer table of the method, and against a second implementation of it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from asem_core.training.unet import PackageNet, UNet

SIZES = {
    100: 6, 108: 14, 116: 22, 124: 30, 132: 38, 140: 46, 148: 54, 156: 62, 164: 70, 172: 78, 180: 86, 188: 94,
    196: 102, 204: 110, 212: 118, 220: 126, 252: 158, 300: 206, 348: 254, 396: 302, 444: 350, 492: 398,
}  # fmt: skip
PARAMETERS = {
    "unet.l_conv.0": 28_576, "unet.l_conv.1": 166_016, "unet.l_conv.2": 663_808, "unet.l_conv.3": 2_654_720,
    "unet.r_conv.0.2": 1_769_728, "unet.r_conv.0.1": 442_496, "unet.r_conv.0.0": 110_656, "final_conv_pass": 1_730,
}  # fmt: skip
LAYERS = {
    "unet.l_conv.0": (200, 32), "unet.l_conv.1": (96, 64), "unet.l_conv.2": (44, 128), "unet.l_conv.3": (18, 256),
    "unet.r_conv.0.2": (32, 128), "unet.r_conv.0.1": (60, 64), "unet.r_conv.0.0": (112, 32),
    "final_conv_pass": (110, 2),
}  # fmt: skip


def lively(network: nn.Module) -> nn.Module:
    """Weights with which the output varies as much as the input; PyTorch's default lets it fade."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.kaiming_normal_(parameter) if parameter.ndim > 1 else nn.init.normal_(parameter, std=0.1)
    return network.eval()


def network(base: int = 2, *, dtype: torch.dtype = torch.float32) -> UNet:
    net = UNet(base)
    lively(net)
    return net.to(dtype)


def noise(*sides: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand((1, 1, *sides), generator=generator, dtype=dtype) * 2 - 1


def on_paper(base: int = 32) -> UNet:
    """A network of shapes without numbers."""
    with torch.device("meta"):
        return UNet(base)


def blank(*sides: int) -> Tensor:
    return torch.empty((1, 1, *sides), device="meta")


def reference(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """The method's section 1.1, written a second time from its text."""

    def conv_pass(x: Tensor, name: str) -> Tensor:
        for index in (0, 2):
            key = f"unet.{name}.conv_pass.{index}"
            x = functional.relu(functional.conv3d(x, weights[key + ".weight"], weights[key + ".bias"]))
        return x

    def centre(x: Tensor, sides: list[int]) -> Tensor:
        for axis, side in enumerate(sides, start=2):
            x = x.narrow(axis, (x.shape[axis] - side) // 2, side)
        return x

    skips = []
    for level in range(3):
        x = conv_pass(x, f"l_conv.{level}")
        skips.append(x)
        n, c, z, y, w = x.shape
        assert z % 2 == y % 2 == w % 2 == 0
        x = x.reshape(n, c, z // 2, 2, y // 2, 2, w // 2, 2).amax((3, 5, 7))
    x = conv_pass(x, "l_conv.3")
    for level, factor in ((2, 2), (1, 4), (0, 8)):
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)
        sides = [factor * math.floor((s - 4) / factor) + 4 for s in x.shape[2:]]
        x = conv_pass(torch.cat([centre(skips[level], sides), centre(x, sides)], 1), f"r_conv.0.{level}")
    final = "final_conv_pass.conv_pass.0"
    return functional.conv3d(x, weights[final + ".weight"], weights[final + ".bias"])


def test_parameters() -> None:
    net = UNet(32)
    assert sum(p.numel() for p in net.parameters()) == 5_837_730
    for name, count in PARAMETERS.items():
        assert sum(p.numel() for p in net.get_submodule(name).parameters()) == count, name


def test_names_are_those_of_the_published_checkpoints() -> None:
    blocks = [f"unet.l_conv.{i}" for i in range(4)] + [f"unet.r_conv.0.{i}" for i in range(3)]
    names = {f"{block}.conv_pass.{i}.{kind}" for block in blocks for i in (0, 2) for kind in ("weight", "bias")}
    names |= {f"final_conv_pass.conv_pass.0.{kind}" for kind in ("weight", "bias")}
    assert set(UNet(2).state_dict()) == names
    normalising = set(UNet(2, normalise=True).state_dict())
    assert names < normalising, "normalisation adds names and changes none"
    assert UNet(32).state_dict()["unet.r_conv.0.0.conv_pass.0.weight"].shape == (32, 96, 3, 3, 3)


def test_layer_table() -> None:
    net, seen = on_paper(), {}
    for name in LAYERS:
        net.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, out, name=name: seen.update({name: (out.shape[-1], out.shape[1])})
        )
    assert net(blank(204, 204, 204)).shape == (1, 2, 110, 110, 110)
    assert seen == LAYERS


@pytest.mark.parametrize(("side", "out"), SIZES.items())
def test_valid_sizes(side: int, out: int) -> None:
    assert out == side - 94
    assert on_paper(2)(blank(side, side, side)).shape == (1, 2, out, out, out)
    assert on_paper(2)(blank(100, side, 108)).shape == (1, 2, 6, out, 14), "each axis by itself"


@pytest.mark.parametrize("side", [4, 92, 96, 99, 101, 102, 104, 106, 107, 109, 112])
@pytest.mark.parametrize("axis", range(3))
def test_other_sizes_are_refused(side: int, axis: int) -> None:
    sides = [100, 100, 100]
    sides[axis] = side
    with pytest.raises(ValueError, match=r"4 mod 8 and at least 100, got \("):
        on_paper(2)(blank(*sides))


@torch.no_grad()
def test_equals_a_second_implementation() -> None:
    net = network(3)
    x = noise(100, 108, 116)
    expected = reference(net.state_dict(), x)
    assert expected.std() > 0.1
    torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_shift_by_8_shifts_the_output_exactly() -> None:
    net = network(1, dtype=torch.float64)
    x = noise(108, 108, 100, dtype=torch.float64)
    whole = net(x)
    for dz, dy in ((0, 8), (8, 0)):
        part = net(x[:, :, dz : dz + 100, dy : dy + 100])
        torch.testing.assert_close(part, whole[:, :, dz : dz + 6, dy : dy + 6], rtol=0, atol=1e-13)


@torch.no_grad()
def test_a_shift_by_4_does_not() -> None:
    net = network(1)
    x = noise(108, 100, 100)
    difference = net(x[:, :, 4:104]) - net(x)[:, :, 4:10]
    assert difference.abs().max() > 1e-3


@torch.no_grad()
def test_padding_keeps_the_size_and_can_be_undone() -> None:
    net = network()
    x = noise(100, 100, 100)
    valid = net(x)
    net.pad(True)
    assert net(noise(8, 16, 24)).shape == (1, 2, 8, 16, 24)
    for wrong in ((12, 16, 16), (16, 100, 16), (16, 16, 7)):
        with pytest.raises(ValueError, match="0 mod 8"):
            net(noise(*wrong))
    net.pad(False)
    torch.testing.assert_close(net(x), valid, rtol=0, atol=0)


@torch.no_grad()
def test_padding_is_with_zeros() -> None:
    net = network()
    net.pad(True)
    first = net.unet.l_conv[0].conv_pass[0]
    assert isinstance(first, nn.Conv3d)
    x = noise(8, 8, 8)
    expected = functional.conv3d(functional.pad(x, [1] * 6), first.weight, first.bias)
    torch.testing.assert_close(first(x), expected)


@torch.no_grad()
def test_package_net_has_the_size_of_its_input_and_a_rim_of_zeros() -> None:
    package = PackageNet(2)
    lively(package)
    x = noise(112, 120, 112)
    out = package(x)
    assert out.shape == x.shape
    inner = out[:, :, 49:-49, 49:-49, 49:-49]
    assert out.count_nonzero() == inner.numel(), "49 voxels are zero on every side"
    assert (inner > 0).all()
    logits = package.network(x[:, :, 2:-2, 2:-2, 2:-2])
    torch.testing.assert_close(inner, torch.softmax(logits, 1)[:, 1:], rtol=0, atol=0)


def test_package_net_ends_in_an_activation_for_tools_that_look() -> None:
    """BiaPy: the last layer by registration; where it is none it adds a sigmoid of its own to the probability."""
    assert isinstance(list(PackageNet(1).modules())[-1], torch.nn.Softmax)


@torch.no_grad()
def test_package_net_predicts_every_voxel_with_a_halo_of_52() -> None:
    """Two tiles that share a voxel beyond their halo agree on it, 8 voxels apart."""
    package = PackageNet(1).double()
    lively(package)
    x = noise(128, 112, 112, dtype=torch.float64)
    a, b = package(x[:, :, :120]), package(x[:, :, 8:])
    torch.testing.assert_close(a[:, :, 60:68], b[:, :, 52:60], rtol=0, atol=1e-13)
    assert (a[:, :, 60:68, 52:-52, 52:-52] > 0).all()
