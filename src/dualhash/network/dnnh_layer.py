"""The hash layer of DNNH: each bit is computed from its own slice of features."""

import torch
from torch import Tensor, nn

from dualhash.network.hash_layer import HashLayer


class SliceLayer(HashLayer):
    """Divide and encode: k slices of intermediate features, each encoded as one bit.

    r_i = g(sigmoid(w_i . f_i + c_i)). f_i is the i-th of k slices of relu(V phi(x) + u). g(s) is 0
    below 0.5 - epsilon, 1 above 0.5 + epsilon, and s in between.

    Source: Lai, Pan, Liu and Yan, "Simultaneous Feature Learning and Hash Coding with Deep Neural
    Networks" (CVPR 2015), section 3.2, where a 1x1 convolution computes 50 k intermediate
    features. Deviations: intermediate features are computed from the averaged features of the
    backbone. No value of epsilon is published; the default of 0.4 was not tuned. In evaluation
    mode g is left out, so that outputs can be ranked; the bits are the same.

    Args:
        features: d.
        bits: k.
        slice_size: Number of intermediate features of each bit.
        epsilon: Half the width of the interval with a gradient, in (0, 0.5].
    """

    def __init__(
        self, features: int, bits: int, slice_size: float = 50, epsilon: float = 0.4
    ) -> None:
        super().__init__(int(slice_size), bits)
        self.slices = nn.Linear(features, bits * int(slice_size))
        self.epsilon = epsilon

    def forward(self, features: Tensor) -> Tensor:
        """Returns outputs r (N, k) in [0, 1] for features phi(x) (N, d)."""
        slices = self.slices(features).relu().unflatten(1, self.weight.shape)
        outputs = ((slices * self.weight).sum(dim=2) + self.bias).sigmoid()
        return piecewise_threshold(outputs, self.epsilon) if self.training else outputs


def piecewise_threshold(outputs: Tensor, epsilon: float) -> Tensor:
    """Maps values below 0.5 - epsilon to 0, above 0.5 + epsilon to 1; others stay. Any shape."""
    rounded = (outputs - 0.5).abs() > epsilon
    return torch.where(rounded, (outputs > 0.5).to(outputs.dtype), outputs)
