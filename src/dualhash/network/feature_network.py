"""The layers between features that are kept on disk and the hash layer."""

import torch
from torch import Tensor, nn

LEAST_DEVIATION = 1e-3
"""Features that vary less than this are not scaled up further."""


class HiddenLayer(nn.Module):
    """Standardised features, and one hidden layer with batch normalisation, GELU and dropout.

    It takes the place of a backbone in a network that learns from kept features.

    Args:
        features: Features (N, d) of training images, which give their mean and deviation.
        units: Number of units; 0 passes the standardised features on.
        dropout: Share of the units that are dropped in training.
    """

    mean: Tensor
    std: Tensor
    pretrained = False

    def __init__(self, features: Tensor, units: int, dropout: float) -> None:
        super().__init__()
        std, mean = torch.std_mean(features.double(), dim=0, correction=0)
        self.register_buffer("mean", mean.float())
        self.register_buffer("std", std.float().clamp(min=LEAST_DEVIATION))
        self.feature_size = units or features.shape[1]
        self.layers = nn.Sequential()
        if units:
            self.layers.extend(
                [
                    nn.Linear(features.shape[1], units),
                    nn.BatchNorm1d(units),
                    nn.GELU(),
                    nn.Dropout(dropout),
                ]
            )

    def forward(self, features: Tensor) -> Tensor:
        """Returns float32 (N, units) for features (N, d) of any float width."""
        hidden: Tensor = self.layers((features.float() - self.mean) / self.std)
        return hidden
