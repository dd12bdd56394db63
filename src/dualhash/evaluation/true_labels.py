"""The true labels that figures are judged by."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TrueLabels(NamedTuple):
    """What is known of N test images.

    Attributes:
        categories: (N,) int64, negative where missing.
        attributes: (N, p) int8, 1 present, 0 absent.
        observed: (N, p) bool, whether the attribute label is known.
    """

    categories: NDArray[np.int64]
    attributes: NDArray[np.int8]
    observed: NDArray[np.bool_]
