"""Codes whose units are the probabilities of attributes themselves."""

import numpy as np

from dualhash.codes.heads import LinearHead

CERTAINTY = 4.0
"""Log odds of what a bit says about its attribute."""


def padded(attributes: int) -> int:
    """The length of a code with a bit for each attribute: the next multiple of 8, at least 8."""
    return max(8, -(-attributes // 8) * 8)


def unit_head(attributes: int, bits: int, first: int = 0) -> LinearHead:
    """Reads attribute j from bit first + j of k alone: present if it is 1.

    All attributes are equally certain, so that a product of probabilities counts agreements. Its
    names are the attributes' numbers.
    """
    weight = np.zeros((attributes, bits), np.float32)
    rows = np.arange(attributes)
    weight[rows, first + rows] = 2 * CERTAINTY
    bias = np.full(attributes, -CERTAINTY, np.float32)
    return LinearHead(tuple(map(str, rows)), weight, bias)
