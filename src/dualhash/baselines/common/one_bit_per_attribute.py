"""Codes in which a bit per attribute is the prediction of that attribute."""

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.evaluation.true_labels import TrueLabels

CERTAINTY = 4.0
"""Log odds of an attribute whose bit is 1."""


def padded(attributes: int) -> int:
    """Returns the length of a code with a bit per attribute: a multiple of 8, at least 8."""
    return max(8, -(-attributes // 8) * 8)


def unit_head(attributes: int, bits: int, first: int = 0) -> LinearHead:
    """Returns a head that predicts attribute j as present if bit first + j of k is 1.

    All attributes are equally certain, so that a product of probabilities counts agreements. The
    names of its outputs are the indices of the attributes.
    """
    certainty = np.full(attributes, CERTAINTY, np.float32)
    return _unit_head(2 * certainty, -certainty, bits, first)


def calibrated_head(
    predicted: NDArray[np.bool_], labels: TrueLabels, bits: int, first: int = 0
) -> LinearHead:
    """Returns a head that reads attribute j from bit first + j of k, with measured certainty.

    The probability of an attribute given its bit is that among images half of which have the
    attribute, which is what the weighted cross entropy of equation 6 leads to. One image of each
    kind is added to the counts, so that no bit is certain.

    Args:
        predicted: (N, p), bits of images that were not trained on.
        labels: Labels of the N images.
        bits: k.
        first: The bit of the first attribute.
    """
    rates = []
    for value in (1, 0):
        known = labels.observed & (labels.attributes == value)
        rates.append(((predicted & known).sum(axis=0) + 1) / (known.sum(axis=0) + 2))
    on = np.log(rates[0] / rates[1])
    off = np.log((1 - rates[0]) / (1 - rates[1]))
    return _unit_head(on - off, off, bits, first)


def _unit_head(
    weights: NDArray[np.floating], biases: NDArray[np.floating], bits: int, first: int
) -> LinearHead:
    weight = np.zeros((len(weights), bits), np.float32)
    rows = np.arange(len(weights))
    weight[rows, first + rows] = weights
    return LinearHead(tuple(map(str, rows)), weight, biases.astype(np.float32))
