"""A hash function on features: an affine map, perhaps of a kernel, thresholded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead, sigmoid

CHUNK = 4096
"""Features mapped at a time, so that the kernel of many needs little memory."""


@dataclass(frozen=True, eq=False)
class RbfKernel:
    """Similarities exp(-|x - a|^2 / (2 width^2)) to m anchors.

    Attributes:
        anchors: (m, d) float32.
        width: In units of distances between features, above 0.
    """

    anchors: NDArray[np.float32]
    width: float

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Similarities (N, m) in [0, 1] of features (N, d)."""
        scaled = squared_distances(values, self.anchors) / np.float32(2 * self.width**2)
        similarities: NDArray[np.float32] = np.exp(-scaled)
        return similarities


@dataclass(frozen=True, eq=False)
class HashFunction:
    """k bits of a feature: bit i is whether its i-th projection is above 0.

    Attributes:
        weight: (k, d) float32, or (k, m) on the similarities to m anchors.
        bias: (k,) float32.
        kernel: Applied before the projections; None for none.
        attribute_head: Scores of p attributes from k bits; None for a method that has none.
        attribute_units: For each attribute the unit of the outputs that is its probability; empty
            where attributes are read from all bits together.
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
        """Projections of (x - mean) on k directions, the columns of (d, k)."""
        weight = directions.T
        return cls(weight.astype(np.float32), (-weight @ mean).astype(np.float32), kernel)

    def project(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Projections (N, k) of features (N, d)."""
        projected = np.empty((len(values), len(self.weight)), np.float32)
        for start in range(0, len(values), CHUNK):
            chunk = values[start : start + CHUNK]
            mapped = self.kernel(chunk) if self.kernel else chunk
            projected[start : start + CHUNK] = mapped @ self.weight.T + self.bias
        return projected

    def outputs(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs (N, k) in [0, 1] of features (N, d): the sigmoid of projections."""
        return sigmoid(self.project(values)).astype(np.float32)


def squared_distances(
    values: NDArray[np.float32], anchors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Squared Euclidean distances (N, m) of features (N, d) from anchors (m, d)."""
    squared = _squares(values)[:, None] + _squares(anchors) - 2 * values @ anchors.T
    return np.maximum(squared, 0)


def _squares(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = np.einsum("ij,ij->i", rows, rows)
    return squares
