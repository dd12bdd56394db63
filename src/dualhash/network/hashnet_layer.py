"""The hash layer of HashNet: a sigmoid that becomes steeper during training."""

import torch
from torch import Tensor

from dualhash.network.hash_layer import HashLayer


class ContinuationLayer(HashLayer):
    """r = (tanh(beta z) + 1) / 2 = sigmoid(2 beta z) with z = W phi(x) + c and growing beta.

    beta = sqrt(1 + growth s), where s in [0, 1) is the completed share of the training.

    Source: Cao, Long, Wang and Yu, "HashNet: Deep Learning to Hash by Continuation" (ICCV 2017),
    algorithm 1. In the authors' code beta = sqrt(1 + 0.005 t) at iteration t of 10,000, updated
    every 200; a growth of 50 is the same for trainings of any length.

    Deviations: outputs are mapped from [-1, 1] to [0, 1], which keeps the bits. Weights start as
    in `HashLayer`; the authors draw them from a Gaussian of deviation 0.01, with biases of 0.
    Learning rates are those of the configuration; the authors use 1 : 10 for pretrained and new
    layers.

    Args:
        features: d.
        bits: k.
        growth: Growth of beta^2 over the training.
    """

    beta: Tensor

    def __init__(self, features: int, bits: int, growth: float = 50.0) -> None:
        super().__init__(features, bits)
        self.growth = growth
        self.register_buffer("beta", torch.ones(()))

    def set_progress(self, share: float) -> None:
        """Sets beta for the next iteration; `share` of the training is complete."""
        self.beta.fill_((1 + self.growth * share) ** 0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Returns outputs r (N, k) in [0, 1] for features phi(x) (N, d)."""
        projected = torch.nn.functional.linear(features, self.weight, self.bias)
        return (2 * self.beta * projected).sigmoid()
