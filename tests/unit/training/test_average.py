"""The moving average of the weights."""

from __future__ import annotations

import pytest
import torch

from asem_core.training.average import Average
from asem_core.training.unet import UNet


def network_of(value: float) -> UNet:
    network = UNet(2, normalise=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(value)
        for buffer in network.buffers():
            buffer.fill_(int(value))
    return network


def test_the_average_is_of_the_first_weights_until_there_are_many() -> None:
    average = Average(network_of(0.0), 0.5)
    expected = None
    for updates, value in enumerate([4.0, 8.0, 2.0, 6.0]):
        average.update(network_of(value))
        stays = min(0.5, (1 + updates) / (10 + updates))
        expected = value if expected is None else stays * expected + (1 - stays) * value
    for parameter in average.network.parameters():
        assert parameter.detach().numpy() == pytest.approx(expected)


def test_statistics_are_those_of_now() -> None:
    average = Average(network_of(0.0), 0.9)
    for value in (4.0, 8.0):
        average.update(network_of(value))
    assert all(bool((buffer == 8).all()) for buffer in average.network.buffers())


def test_what_is_averaged_stays_as_it_is() -> None:
    network = network_of(3.0)
    average = Average(network, 0.9)
    average.update(network)
    average.update(network_of(1.0))
    assert all(torch.equal(parameter, torch.full_like(parameter, 3.0)) for parameter in network.parameters())
