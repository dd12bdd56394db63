"""The layer whose units are the bits of the code, and what stands for it where there is none."""

from torch import Tensor, nn


class HashLayer(nn.Linear):
    """r = sigmoid(W phi(x) + c), the binary-like code (equation 1).

    Bit i of the code is r_i > 0.5. The weight W is (k, d), the bias c is (k,).
    """

    def __init__(self, features: int, bits: int) -> None:
        super().__init__(features, bits)

    def forward(self, features: Tensor) -> Tensor:
        """Outputs r in [0, 1], (N, k), of features phi(x), (N, d)."""
        return super().forward(features).sigmoid()


class NoHashLayer(nn.Identity):
    """Leaves the features as they are, so that the heads stand straight on the backbone."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.out_features = features
