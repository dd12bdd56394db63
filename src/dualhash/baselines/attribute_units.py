"""Codes whose units are the probabilities of attributes themselves."""

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.evaluation.true_labels import TrueLabels

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


def calibrated_head(
    told: NDArray[np.bool_], labels: TrueLabels, bits: int, first: int = 0
) -> LinearHead:
    """Reads attribute j from bit first + j of k alone, as surely as that bit was right before.

    The probability of the attribute given the bit is that of images of which half have the
    attribute, which is what minimises the weighted cross entropy of equation 6. One image of each
    kind is added to the counts, so that no bit is certain.

    Args:
        told: (N, p), the bits of images that were not trained on.
        labels: Of the N images.
        bits: k.
        first: The bit of the first attribute.
    """
    rates = []
    for value in (1, 0):
        known = labels.observed & (labels.attributes == value)
        rates.append(((told & known).sum(axis=0) + 1) / (known.sum(axis=0) + 2))
    on = np.log(rates[0] / rates[1])
    off = np.log((1 - rates[0]) / (1 - rates[1]))
    attributes = told.shape[1]
    rows = np.arange(attributes)
    weight = np.zeros((attributes, bits), np.float32)
    weight[rows, first + rows] = on - off
    return LinearHead(tuple(map(str, rows)), weight, off.astype(np.float32))
