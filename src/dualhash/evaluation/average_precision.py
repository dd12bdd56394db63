"""Average precision when results tie: the exact mean over all orders of the tied results.

Source: McSherry and Najork, "Computing Information Retrieval Performance Measures Efficiently in
the Presence of Tied Scores", ECIR 2008, section 2.4. A group of n results that tie, r of them
relevant, with N results and R relevant ones ahead of it, adds

    sum for i = 1..n of  (r / n) (R + 1 + (i - 1) (r - 1) / (n - 1)) / (N + i)

to the sum of precisions at the relevant results. With h = H(N + n) - H(N), H the harmonic
numbers, the sum is closed: (r / n) ((R + 1) h + (r - 1) / (n - 1) (n - (N + 1) h)).

Denominator: all relevant results of the ranking.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dualhash.jit import compiled


def harmonic_numbers(n: int) -> NDArray[np.float64]:
    """H(0), H(1), …, H(n) with H(i) = 1 + 1/2 + … + 1/i, shape (n + 1,)."""
    return np.concatenate(([0.0], np.cumsum(1.0 / np.arange(1, n + 1))))


@compiled
def tie_precision(
    ahead: int, relevant_ahead: int, size: int, relevant: int, harmonic: NDArray[np.float64]
) -> float:
    """Expected sum of the precisions at the relevant results of one group of ties.

    Args:
        ahead: Results before the group.
        relevant_ahead: Relevant ones among them.
        size: Results in the group.
        relevant: Relevant ones among them.
        harmonic: `harmonic_numbers(n)` with n at least `ahead + size`.
    """
    if relevant == 0:
        return 0.0
    h = harmonic[ahead + size] - harmonic[ahead]
    precision = (relevant_ahead + 1) * h
    if size > 1:
        precision += (relevant - 1) / (size - 1) * (size - (ahead + 1) * h)
    return float(relevant / size * precision)


def average_precision(sizes: ArrayLike, relevant: ArrayLike, *, ahead: int = 0) -> float:
    """Expected average precision of a ranking given as groups of ties, best group first.

    Args:
        sizes: (G,) int, results in each group; empty groups are allowed.
        relevant: (G,) int, relevant results in each group, at most its size.
        ahead: Results that stand before all groups and are not relevant.

    Returns:
        A value in (0, 1]; NaN when nothing is relevant.
    """
    sizes, relevant = np.asarray(sizes, dtype=np.int64), np.asarray(relevant, dtype=np.int64)
    if not relevant.sum():
        return float("nan")
    harmonic = harmonic_numbers(ahead + int(sizes.sum()))
    results_ahead = ahead + np.cumsum(sizes) - sizes
    relevant_ahead = np.cumsum(relevant) - relevant
    groups = zip(results_ahead, relevant_ahead, sizes, relevant, strict=True)
    return float(sum(tie_precision(*group, harmonic) for group in groups) / relevant.sum())
