"""Folding batch normalisation away changes nothing but the layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from asem_core.training.fold import fold
from asem_core.training.unet import UNet


def trained(base: int = 2) -> UNet:
    """A normalising network whose statistics and scales are far from their start."""
    torch.manual_seed(3)
    network = UNet(base, normalise=True)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.normal_(module.bias, std=0.5)
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(std=0.3)
            module.running_var.uniform_(0.05, 2.0)
    return network


@torch.no_grad()
@pytest.mark.parametrize("padded", [False, True])
def test_folded_equals_evaluation_mode(padded: bool) -> None:
    network = trained()
    network.pad(padded)
    plain = fold(network)
    assert not plain.training
    assert not any(isinstance(module, nn.BatchNorm3d) for module in plain.modules())
    assert set(plain.state_dict()) == set(UNet(2).state_dict())
    network.pad(False)
    x = torch.rand(1, 1, 100, 100, 100) * 2 - 1
    expected = network.eval()(x)
    assert expected.std() > 0.01
    torch.testing.assert_close(plain(x), expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_plain_network_is_copied() -> None:
    network = UNet(2)
    plain = fold(network)
    for name, value in network.state_dict().items():
        assert torch.equal(plain.state_dict()[name], value)
        assert plain.state_dict()[name].data_ptr() != value.data_ptr()


def test_the_network_itself_is_left_as_it_was() -> None:
    network = trained().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fold(network)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
