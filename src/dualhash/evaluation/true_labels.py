"""The true labels of the test images."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TrueLabels(NamedTuple):
    """The true labels of N images.

    Attributes:
        categories: (N,) int64, negative if missing.
        attributes: (N, p) int8, 1 present, 0 absent.
        observed: (N, p) bool, False if the attribute label is missing.
    """

    categories: NDArray[np.int64]
    attributes: NDArray[np.int8]
    observed: NDArray[np.bool_]
