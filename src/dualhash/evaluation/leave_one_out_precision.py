"""Average precision of many queries with one ranking, each query left out of it in turn.

If the ranking depends on a query only through its predicted pattern, and relevance only through
its true class, then all queries of a pattern share one ranking. They differ in which images are
relevant and which one is left out. Without query i of class v, in tie group g, the groups before g
do not change, g loses one result and one relevant result, and each group after g has one result
and one relevant result less ahead of it. With c(N, R, n, r) the precision that a group adds
(`tie_precision`), and R_v images of class v in the whole ranking,

    AP_i = (sum over groups before g of c(N, R, n, r)
            + c(N_g, R_g, n_g - 1, r_g - 1)
            + sum over groups after g of c(N - 1, R - 1, n, r)) / (R_v - 1).

Both sums are prefix sums, so one pass along the ranking serves all queries and classes.
"""

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.average_precision import tie_precision
from dualhash.jit import compiled

DIGIT_BITS = 11
DIGITS = 6
BUCKETS = 1 << DIGIT_BITS


@compiled
def leave_one_out_precisions(
    scores: NDArray[np.float64],
    classes: NDArray[np.int8],
    is_query: NDArray[np.bool_],
    class_count: int,
    harmonic: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Returns the average precision of each query against all other images, exact over ties.

    Args:
        scores: (n,) float64, at least 0, higher is better; equal scores tie.
        classes: (n,) int8 in [0, class_count); the other images of a query's class are relevant.
        is_query: (n,) bool.
        class_count: Number of classes.
        harmonic: `harmonic_numbers(m)` with m at least n.

    Returns:
        (n,) float64 in (0, 1]; NaN for images that are no query or have nothing relevant.
    """
    images = len(scores)
    order = descending_order(scores)
    precisions = np.full(images, np.nan)
    found = np.zeros(class_count, np.int64)
    in_group = np.zeros(class_count, np.int64)
    unmoved = np.zeros(class_count)  # prefix sums of c(N, R, n, r)
    moved = np.zeros(class_count)  # prefix sums of c(N - 1, R - 1, n, r)
    start = 0
    while start < images:
        end = start
        while end < images and scores[order[end]] == scores[order[start]]:
            in_group[classes[order[end]]] += 1
            end += 1
        size = end - start
        for v in range(class_count):
            relevant = in_group[v]
            if found[v] and relevant:
                moved[v] += tie_precision(start - 1, found[v] - 1, size, relevant, harmonic)
        for position in range(start, end):
            image = order[position]
            if is_query[image]:
                v = classes[image]
                own = tie_precision(start, found[v], size - 1, in_group[v] - 1, harmonic)
                precisions[image] = unmoved[v] + own - moved[v]
        for v in range(class_count):
            unmoved[v] += tie_precision(start, found[v], size, in_group[v], harmonic)
            found[v] += in_group[v]
            in_group[v] = 0
        start = end
    for image in range(images):
        v = classes[image]
        if is_query[image]:
            others = found[v] - 1
            precisions[image] = (precisions[image] + moved[v]) / others if others else np.nan
    return precisions


@compiled
def descending_order(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns the stable order of descending scores, (n,) int64, by radix sort.

    In compiled code this is five times as fast as a comparison sort.

    Args:
        scores: (n,) float64, contiguous, at least 0 and not -0.0. As unsigned integers, the bits of
            such numbers have the same order as the numbers.
    """
    images = len(scores)
    keys = scores.view(np.uint64)
    counts = np.zeros((DIGITS, BUCKETS), np.int64)
    for key in keys:
        for digit in range(DIGITS):
            counts[digit, _bucket(key, digit)] += 1
    order, other = np.arange(images), np.empty(images, np.int64)
    for digit in range(DIGITS):
        place = counts[digit]
        end = images
        for value in range(BUCKETS):
            end -= place[value]
            place[value] = end
        for image in order:
            bucket = _bucket(keys[image], digit)
            other[place[bucket]] = image
            place[bucket] += 1
        order, other = other, order
    return order


@compiled
def _bucket(key: np.uint64, digit: int) -> np.uint64:
    return (key >> np.uint64(DIGIT_BITS * digit)) & np.uint64(BUCKETS - 1)
