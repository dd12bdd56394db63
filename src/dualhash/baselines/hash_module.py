"""A hash function in torch, to become part of an exported encoder."""

import torch
from torch import Tensor, nn

from dualhash.baselines.hash_function import HashFunction
from dualhash.network import HashLayer


class HashModule(HashLayer):
    """A `HashFunction` after L2 normalisation, in the place of a hash layer that was trained.

    Args:
        function: What it computes.
    """

    anchors: Tensor

    def __init__(self, function: HashFunction) -> None:
        super().__init__(function.weight.shape[1], len(function.weight))
        self.weight = nn.Parameter(torch.from_numpy(function.weight), requires_grad=False)
        self.bias = nn.Parameter(torch.from_numpy(function.bias), requires_grad=False)
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
        return super().forward(values)
