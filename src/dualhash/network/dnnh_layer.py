"""DNNH's layer: each bit has features of its own."""

import torch
from torch import Tensor, nn

from dualhash.network.hash_layer import HashLayer


class SliceLayer(HashLayer):
    """Divide and encode: k slices of intermediate features, each made into one bit of its own.

    r_i = g(sigmoid(w_i . f_i + c_i)), where f_i is the i-th of k slices of
    relu(V phi(x) + u), and g(s) is 0 below 0.5 - epsilon, 1 above 0.5 + epsilon, s in between.
    Source: Lai, Pan, Liu and Yan, "Simultaneous Feature Learning and Hash Coding with Deep Neural
    Networks" (CVPR 2015), section 3.2, where a 1x1 convolution makes 50 k intermediate features.
    Deviations: the intermediate features are made of the backbone's features, which are averages
    already; epsilon, of which no published value is known, is a setting, whose 0.4 has
    no source and was not tuned. In evaluation g is left out,
    so that the outputs can be ranked; the bits are the same.

    Args:
        features: d.
        bits: k.
        slice_size: Intermediate features of each bit.
        epsilon: Half the width in which outputs have a gradient, in (0, 0.5].
    """

    def __init__(
        self, features: int, bits: int, slice_size: float = 50, epsilon: float = 0.4
    ) -> None:
        super().__init__(int(slice_size), bits)
        self.slices = nn.Linear(features, bits * int(slice_size))
        self.epsilon = epsilon

    def forward(self, features: Tensor) -> Tensor:
        """Outputs r in [0, 1], (N, k), of features phi(x), (N, d)."""
        slices = self.slices(features).relu().unflatten(1, self.weight.shape)
        outputs = ((slices * self.weight).sum(dim=2) + self.bias).sigmoid()
        return piecewise_threshold(outputs, self.epsilon) if self.training else outputs


def piecewise_threshold(outputs: Tensor, epsilon: float) -> Tensor:
    """0 below 0.5 - epsilon, 1 above 0.5 + epsilon, and as it is in between; any shape."""
    settled = (outputs - 0.5).abs() > epsilon
    return torch.where(settled, (outputs > 0.5).to(outputs.dtype), outputs)
