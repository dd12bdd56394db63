"""Bitmaps of the codes that have an attribute."""

import math

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.jit import compiled
from dualhash.search.kernels import linear
from dualhash.search.kernels.layout import (
    GROUP_SIZE,
    RUN_SIZE,
    Bitmap,
    CodeMatrix,
    Words,
    first_word,
    spread,
)
from dualhash.search.kernels.simd import ALL_LANES, WIDTH, lanes_below, lowest_bit
from dualhash.search.kernels.threads import run_in_threads

WEIGHT_BITS = 6


def attribute_bitmaps(
    matrix: CodeMatrix,
    head: LinearHead,
    *,
    threshold: float = 0.5,
    first: int = 0,
    threads: int = 1,
) -> NDArray[np.uint64]:
    """Marks the codes that have each of p attributes: bitmaps (p, groups) of p_j >= threshold.

    p_j >= t is one comparison, w_j . b + c_j >= log(t / (1 - t)) (section 3.5).

    Args:
        matrix: The codes.
        head: Predicts the p attributes from codes.
        threshold: In (0, 1).
        first: The first group to mark; the bitmaps begin there.
        threads: Number of threads; the result does not depend on it.
    """
    weight, bias = head.summable
    weight = spread(weight, matrix.ranking_bits)
    rounded, table = linear.round_weights(weight, bias, WEIGHT_BITS), linear.byte_tables(weight)
    score = math.log(threshold / (1 - threshold))
    last = len(matrix.everything)
    bitmaps = np.zeros((len(head.names), last - first), np.uint64)

    def mark(start: int, stop: int) -> None:
        existing = matrix.everything[first + start : first + stop]
        marked = bitmaps[:, start:stop]
        _mark(matrix.words, first + start, existing, rounded, table, bias, score, marked)

    run_in_threads(mark, last - first, threads)
    return bitmaps


@compiled
def _mark(
    words: Words,
    first: int,
    existing: Bitmap,
    rounded: linear.RoundedWeights,
    table: NDArray[np.float64],
    bias: NDArray[np.float64],
    score: float,
    bitmaps: Words,
) -> None:
    length = words.shape[1]
    flat = words.reshape(-1)
    needed = np.array([linear.needed_sum(rounded, which, score) for which in range(len(bias))])
    sufficient = np.array(
        [linear.sufficient_sum(rounded, which, score) for which in range(len(bias))]
    )
    for group in range(len(existing)):
        base = first_word(first + group, length)
        for which in range(len(bias)):
            marked = np.uint64(0)
            for lane in range(0, GROUP_SIZE, WIDTH):
                steps = linear.rounded_sums(flat, base + lane, RUN_SIZE, length, rounded, which)
                below = lanes_below(steps, sufficient[which])
                marked |= (ALL_LANES ^ below) << np.uint64(lane)
                unclear = below & ~lanes_below(steps, needed[which])
                while unclear:
                    place = lane + lowest_bit(unclear)
                    unclear &= unclear - np.uint64(1)
                    if (
                        linear.exact_score(
                            flat, base + place, RUN_SIZE, length, table[which], bias[which]
                        )
                        >= score
                    ):
                        marked |= np.uint64(1) << np.uint64(place)
            bitmaps[which, group] = marked & existing[group]
