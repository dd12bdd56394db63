"""Hash functions on features, as numpy computes them and as a layer of an exported encoder."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dualhash.codes.linear_head import LinearHead, sigmoid
from dualhash.codes.packing import quantise
from dualhash.network import HashLayer

FEATURES_PER_CHUNK = 4096
"""Features computed at a time, to limit the memory of kernels."""


@dataclass(frozen=True, eq=False)
class RbfKernel:
    """Similarities exp(-|x - a|^2 / (2 width^2)) to m anchors a.

    Attributes:
        anchors: (m, d) float32.
        width: Above 0, in units of the distance between features.
    """

    anchors: NDArray[np.float32]
    width: float

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns similarities (N, m) in [0, 1] of features (N, d)."""
        scaled = squared_distances(values, self.anchors) / np.float32(2 * self.width**2)
        similarities: NDArray[np.float32] = np.exp(-scaled)
        return similarities


@dataclass(frozen=True, eq=False)
class HashFunction:
    """Thresholded projections: bit i is 1 if the i-th projection is above 0.

    Attributes:
        weight: (k, d) float32, or (k, m) on similarities to m anchors.
        bias: (k,) float32.
        kernel: Applied before the projections; None for none.
        attribute_head: Reads p attributes from k bits; None if the method has none.
        attribute_units: For each attribute, the output that is its probability; empty if
            attributes are read from all bits together.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    kernel: RbfKernel | None = None
    attribute_head: LinearHead | None = None
    attribute_units: tuple[int, ...] = ()

    @classmethod
    def of_centred(
        cls,
        directions: NDArray[np.floating],
        mean: NDArray[np.floating],
        kernel: RbfKernel | None = None,
    ) -> "HashFunction":
        """Projects (x - mean) on k directions, the columns of (d, k)."""
        weight = directions.T
        return cls(weight.astype(np.float32), (-weight @ mean).astype(np.float32), kernel)

    def project(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns projections (N, k) of features (N, d)."""
        projected = np.empty((len(values), len(self.weight)), np.float32)
        for start in range(0, len(values), FEATURES_PER_CHUNK):
            chunk = values[start : start + FEATURES_PER_CHUNK]
            mapped = self.kernel(chunk) if self.kernel else chunk
            projected[start : start + FEATURES_PER_CHUNK] = mapped @ self.weight.T + self.bias
        return projected

    def outputs(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns outputs (N, k) in [0, 1] of features (N, d): the sigmoid of projections."""
        return sigmoid(self.project(values)).astype(np.float32)

    def probabilities(self, outputs: NDArray[np.float32]) -> NDArray[np.floating]:
        """Returns attribute probabilities (N, p) from outputs (N, k); p is 0 without attributes."""
        if self.attribute_units or self.attribute_head is None:
            return outputs[:, list(self.attribute_units)]
        return self.attribute_head.probabilities(quantise(outputs))


class HashFunctionLayer(HashLayer):
    """A `HashFunction` as the hash layer of a network; it normalises the features to length 1.

    Args:
        function: The hash function.
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
        """Returns outputs (N, k) in [0, 1] of a backbone's features (N, d), of any length."""
        values = nn.functional.normalize(features)
        if self.kernel:
            squared = (
                values.square().sum(1, keepdim=True)
                + self.anchors.square().sum(1)
                - 2 * values @ self.anchors.T
            )
            values = (-squared.clamp(min=0) / (2 * self.kernel.width**2)).exp()
        return super().forward(values)


def squared_distances(
    values: NDArray[np.float32], anchors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Returns squared Euclidean distances (N, m) between features (N, d) and anchors (m, d)."""
    squared = _squares(values)[:, None] + _squares(anchors) - 2 * values @ anchors.T
    return np.maximum(squared, 0)


def _squares(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = np.einsum("ij,ij->i", rows, rows)
    return squares
