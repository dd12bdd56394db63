"""A hash function in torch, to become part of an exported encoder."""

import torch
from torch import Tensor, nn

from dualhash.baselines.hash_function import HashFunction


class HashModule(nn.Module):
    """A `HashFunction` in torch, after L2 normalisation: for the exported encoder.

    Args:
        function: What it computes.
    """

    weight: Tensor
    bias: Tensor
    anchors: Tensor

    def __init__(self, function: HashFunction) -> None:
        super().__init__()
        self.register_buffer("weight", torch.from_numpy(function.weight))
        self.register_buffer("bias", torch.from_numpy(function.bias))
        self.kernel = function.kernel
        if function.kernel:
            self.register_buffer("anchors", torch.from_numpy(function.kernel.anchors))

    def forward(self, features: Tensor) -> Tensor:
        """Outputs (N, k) in [0, 1] of a backbone's features (N, d), of any length."""
        values = nn.functional.normalize(features)
        if self.kernel:
            squared = (
                values.square().sum(1, keepdim=True)
                + self.anchors.square().sum(1)
                - 2 * values @ self.anchors.T
            )
            values = (-squared.clamp(min=0) / (2 * self.kernel.width**2)).exp()
        return nn.functional.linear(values, self.weight, self.bias).sigmoid()
