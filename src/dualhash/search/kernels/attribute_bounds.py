"""Upper bounds of the probabilities of attribute values in each group of codes."""

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.jit import compiled
from dualhash.search.kernels import linear
from dualhash.search.kernels.layout import (
    GROUP_SIZE,
    RUN_SIZE,
    CodeMatrix,
    Words,
    first_word,
    spread,
)
from dualhash.search.kernels.simd import WIDTH, largest, smallest
from dualhash.search.kernels.threads import run_in_threads

WEIGHT_BITS = 7


def attribute_bounds(
    matrix: CodeMatrix, head: LinearHead, *, first: int = 0, threads: int = 1
) -> NDArray[np.float32]:
    """Returns for each of p attributes how probable its absence and its presence are at most.

    Args:
        matrix: The codes.
        head: Predicts the attributes from codes.
        first: The first group; the bounds begin there.
        threads: Number of threads; the result does not depend on it.

    Returns:
        (p, 2, groups), upper bounds of 1 - p_j and of p_j of the codes in each group.
    """
    weight, bias = head.summable
    rounded = linear.round_weights(spread(weight, matrix.ranking_bits), bias, WEIGHT_BITS)
    sums = np.empty((len(bias), 2, len(matrix.everything) - first), np.int64)

    def bound(start: int, stop: int) -> None:
        _sums(matrix.words, first + start, rounded, sums[:, :, start:stop])

    run_in_threads(bound, sums.shape[2], threads)
    slack = np.stack([-rounded.below, rounded.above], axis=1)
    scores = rounded.base[:, None, None] + slack[:, :, None] + rounded.unit[:, None, None] * sums
    scores *= np.array([[-1.0], [1.0]])
    scores += linear.MARGIN * (1 + np.abs(scores))
    with np.errstate(over="ignore"):
        probabilities = (1 / (1 + np.exp(-scores))).astype(np.float32)
    return np.nextafter(probabilities, np.float32(2))


@compiled
def _sums(
    words: Words, first: int, rounded: linear.RoundedWeights, sums: NDArray[np.int64]
) -> None:
    """Sets the smallest and the largest rounded sum of each group."""
    flat, length = words.reshape(-1), words.shape[1]
    for group in range(sums.shape[2]):
        base = first_word(first + group, length)
        for which in range(len(sums)):
            low, high = np.iinfo(np.int64).max, np.iinfo(np.int64).min
            for lane in range(0, GROUP_SIZE, WIDTH):
                each = linear.rounded_sums(flat, base + lane, RUN_SIZE, length, rounded, which)
                low, high = min(low, smallest(each)), max(high, largest(each))
            sums[which, 0, group], sums[which, 1, group] = low, high
