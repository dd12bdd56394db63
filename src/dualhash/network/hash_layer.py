"""The hash layer, whose outputs become the bits of the code."""

from torch import Tensor, nn


class HashLayer(nn.Linear):
    """r = sigmoid(W phi(x) + c) (equation 1).

    Bit i of the code is r_i > 0.5. The weight W is (k, d), the bias c is (k,).
    """

    def __init__(self, features: int, bits: int) -> None:
        super().__init__(features, bits)

    def forward(self, features: Tensor) -> Tensor:
        """Returns outputs r (N, k) in [0, 1] for features phi(x) (N, d)."""
        return super().forward(features).sigmoid()


class NoHashLayer(nn.Identity):
    """Returns the features unchanged, so that the heads read the backbone directly."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.out_features = features
