"""A hash layer whose outputs in training are the bits themselves."""

import torch
from torch import Tensor, nn


class StraightThroughLayer(nn.Module):
    """r = [z > 0] with the gradient of sigmoid(s z), where z is the batch-normalised W phi(x).

    Heads and losses see bits in training, so nothing is lost by rounding afterwards. Batch
    normalisation makes each bit 1 in about half of the images. In evaluation mode the outputs are
    sigmoid(s z), on the same side of 0.5 as the bit.

    Sources: Bengio, Leonard and Courville, "Estimating or Propagating Gradients Through Stochastic
    Neurons for Conditional Computation" (2013); Hoe et al. (NeurIPS 2021) for the normalisation.

    Args:
        features: d, the length of phi(x).
        bits: k.
        slope: s, above 0.
    """

    def __init__(self, features: int, bits: int, slope: float = 2.0) -> None:
        super().__init__()
        self.out_features = bits
        self.slope = slope
        self.linear = nn.Linear(features, bits, bias=False)
        self.normalise = nn.BatchNorm1d(bits)

    def forward(self, features: Tensor) -> Tensor:
        """Returns outputs r (N, k) for features (N, d): 0 or 1 in training, else in [0, 1]."""
        units: Tensor = self.normalise(self.linear(features))
        soft = torch.sigmoid(self.slope * units)
        if not self.training:
            return soft
        return soft + ((units > 0).to(soft.dtype) - soft).detach()
