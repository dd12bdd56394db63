"""Features of the training images, or vectors of the user, in place of pixels."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dualhash.catalogue.vectors import Vectors
from dualhash.features.extractor import Extractor

SAMPLE = 16_384
"""Images from which mean and deviation of the features are estimated."""


@dataclass(frozen=True, eq=False)
class KeptFeatures:
    """Features of N images, computed once.

    Attributes:
        extractor: What computed them, part of the exported encoder; None for vectors of the user.
        values: (N, d) float16 or float32, a memory map.
        mirrored: The features of the mirror images, likewise; None without them.
    """

    extractor: Extractor | None
    values: NDArray[np.float16] | Vectors
    mirrored: NDArray[np.float16] | None = None

    def take(self, rows: NDArray[np.int64], mirrored: NDArray[np.bool_] | None = None) -> Tensor:
        """Returns the features of rows, (n, d).

        Args:
            rows: n rows.
            mirrored: (n,), whether to take those of the mirror image, if there are such.
        """
        features = np.ascontiguousarray(self.values[rows])
        if mirrored is not None and self.mirrored is not None:
            features[mirrored] = self.mirrored[rows[mirrored]]
        return torch.from_numpy(features)

    def sample(self, rows: NDArray[np.int64]) -> Tensor:
        """Returns the features of at most `SAMPLE` of the rows, evenly spread."""
        chosen = np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64))
        return self.take(rows[chosen])
