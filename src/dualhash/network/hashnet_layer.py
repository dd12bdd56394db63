"""HashNet's layer: a sigmoid that becomes a step as the training goes on."""

import torch
from torch import Tensor

from dualhash.network.hash_layer import HashLayer


class ContinuationLayer(HashLayer):
    """r = (tanh(beta z) + 1) / 2 = sigmoid(2 beta z) with z = W phi(x) + c and growing beta.

    beta = sqrt(1 + growth s) where s in [0, 1) is the share of the training that is done.
    Source: Cao, Long, Wang and Yu, "HashNet: Deep Learning to Hash by Continuation" (ICCV 2017),
    algorithm 1. In the authors' code beta = sqrt(1 + 0.005 t) at iteration t of 10,000, stepwise
    every 200; a growth of 50 gives the same for trainings of any length. Deviations: the outputs
    are brought from [-1, 1] to [0, 1], where the bits are the same; weights start as those of any
    hash layer here, where the authors draw them from a Gaussian of deviation 0.01 with biases of 0;
    learning rates are those of the recipe, where the authors' are 1 : 10 for pretrained and new
    layers.
    """

    beta: Tensor

    def __init__(self, features: int, bits: int, growth: float = 50.0) -> None:
        super().__init__(features, bits)
        self.growth = growth
        self.register_buffer("beta", torch.ones(()))

    def begin(self, share: float) -> None:
        """Sets beta for an iteration before which `share` of the training was done."""
        self.beta.fill_((1 + self.growth * share) ** 0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Outputs r in [0, 1], (N, k), of features phi(x), (N, d)."""
        projected = torch.nn.functional.linear(features, self.weight, self.bias)
        return (2 * self.beta * projected).sigmoid()
