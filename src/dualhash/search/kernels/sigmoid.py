"""Probabilities that order results, bit for bit the same on every machine."""

import math

import numpy as np
from numpy.typing import NDArray

from dualhash.jit import compiled

_LOG2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
_LOG2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_DEGREE = 13
_RECIPROCALS = 1 / np.arange(1.0, _DEGREE + 1)
_POWERS = 0.5 ** np.arange(1101)


def joint_probability(
    scores: NDArray[np.float32], wanted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Returns the probability (N,) that s attributes with scores (N, s) are as wanted (s,).

    It is the product, in the given order, of p_j if wanted, else of 1 - p_j (section 3.5).
    """
    return _joint(np.ascontiguousarray(scores, np.float32), np.ascontiguousarray(wanted))


@compiled
def _joint(scores: NDArray[np.float32], wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
    products = np.empty(len(scores))
    for row in range(len(scores)):
        products[row] = joint(scores[row], wanted)
    return products


@compiled
def joint(scores: NDArray[np.float32], wanted: NDArray[np.bool_]) -> float:
    """The joint probability of one code, from scores (s,)."""
    product = 1.0
    for which in range(len(scores)):
        score = np.float64(scores[which])
        product *= sigmoid(score if wanted[which] else -score)
    return product


@compiled
def sigmoid(score: float) -> float:
    """1 / (1 + exp(-score)), from operations for which IEEE 754 defines one rounding."""
    power = exp_of_minus(min(abs(score), 760.0))
    return 1 / (1 + power) if score >= 0 else power / (1 + power)


@compiled
def exp_of_minus(x: float) -> float:
    """exp(-x) for x in 0..760: 2^-n times a Taylor series around 0."""
    halvings = math.floor(x / (_LOG2_HIGH + _LOG2_LOW) + 0.5)
    rest = (halvings * _LOG2_HIGH - x) + halvings * _LOG2_LOW
    series = 1.0
    for term in range(_DEGREE - 1, -1, -1):
        series = 1 + series * (rest * _RECIPROCALS[term])
    power: float = _POWERS[int(halvings)]
    return series * power
