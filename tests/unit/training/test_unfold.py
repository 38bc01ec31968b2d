"""An unfolded network is the same function as before, and normalises its input as it comes."""

from __future__ import annotations

import pytest
import torch

from asem_core.training.fold import fold
from asem_core.training.unet import UNet
from asem_core.training.unfold import normalised_layers, unfold, without_effect


def blocks(count: int = 2, *, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(1, 1, 32, 40, 48, generator=generator) * 1.4 - 0.9 for _ in range(count)]


@pytest.fixture
def plain() -> UNet:
    torch.manual_seed(1)
    network = UNet(2)
    network.pad(True)
    return network.eval()


@pytest.fixture
def unfolded(plain: UNet) -> UNet:
    network = without_effect(plain)
    network.pad(True)
    unfold(network, blocks())
    return network


@torch.no_grad()
def test_the_function_stays_on_any_data(plain: UNet, unfolded: UNet) -> None:
    for x in (*blocks(), *blocks(1, seed=7), torch.zeros(1, 1, 32, 32, 32)):
        torch.testing.assert_close(unfolded.eval()(x), plain(x), rtol=0, atol=1e-5)


@torch.no_grad()
def test_folding_it_gives_the_weights_back(plain: UNet, unfolded: UNet) -> None:
    again = fold(unfolded)
    for name, values in plain.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], values, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_statistics_are_those_of_all_blocks(unfolded: UNet) -> None:
    seen: list[list[torch.Tensor]] = [[] for _ in normalised_layers(unfolded)]
    for (conv, _), outputs in zip(normalised_layers(unfolded), seen, strict=True):
        conv.register_forward_hook(lambda _, __, out, outputs=outputs: outputs.append(out))
    for x in blocks():
        unfolded.eval()(x)
    for (_, norm), outputs in zip(normalised_layers(unfolded), seen, strict=True):
        whole = torch.cat(outputs)
        torch.testing.assert_close(norm.running_mean, whole.mean((0, 2, 3, 4)), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(norm.running_var, whole.var((0, 2, 3, 4), correction=0), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_function_stays_while_training_too(plain: UNet, unfolded: UNet) -> None:
    for x in (*blocks(), *blocks(1, seed=7)):
        torch.testing.assert_close(unfolded.train()(x), plain(x), rtol=1e-3, atol=1e-3)


def test_training_leaves_the_statistics_alone(unfolded: UNet) -> None:
    """A block does not change what the next one is normalised by, and its gradient is that of what infers."""
    before = [norm.running_mean.clone() for _, norm in normalised_layers(unfolded)]
    (x,) = blocks(1, seed=7)
    gradients = []
    for network in (unfolded.train(), unfolded.eval()):
        network.zero_grad()
        network(x).square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in network.parameters()])
    for norm, mean in zip((norm for _, norm in normalised_layers(unfolded)), before, strict=True):
        assert norm.running_mean.equal(mean)
    for trained, inferred in zip(*gradients, strict=True):
        torch.testing.assert_close(trained, inferred)
    assert all(bool(gradient.any()) for gradient in gradients[0])


def test_every_convolution_but_the_last_is_followed_by_one(unfolded: UNet) -> None:
    convolutions = [module for module in unfolded.modules() if isinstance(module, torch.nn.Conv3d)]
    assert [conv for conv, _ in normalised_layers(unfolded)] == convolutions[:-1]
