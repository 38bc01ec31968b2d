"""A moving average of the weights: what is used, while the last weights learn on.

Every iteration steps for its few blocks, so weights swing round those that are good for all; their average does not.
Source: Polyak and Juditsky 1992, SIAM J Control Optim 30:838; exponential as in Tarvainen and Valpola 2017 (NeurIPS).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from asem_core.training.unet import UNet


class Average(AveragedModel):
    """The average of ``network``, that of its first iterations over these only.

    Parameters
    ----------
    network
        Whose weights are averaged. Statistics of its normalisation are those that it has now.
    decay
        Part of the average that stays at every `update`; of ``n`` updates before, no more than ``(1 + n) / (10 + n)``.
    """

    def __init__(self, network: UNet, decay: float) -> None:
        def mixed(average: Tensor, now: Tensor, updates: Tensor | int) -> Tensor:
            return average.lerp(now, 1 - min(decay, (1 + float(updates)) / (10 + float(updates))))

        super().__init__(network, avg_fn=mixed)

    def update(self, network: nn.Module) -> None:
        """Take in the weights of ``network``, after an iteration."""
        self.update_parameters(network)

    @property
    def network(self) -> UNet:
        """With the averaged weights."""
        assert isinstance(self.module, UNet)
        return self.module
