"""Average precision with ties: the exact mean over all orders of the tied results.

Source: McSherry and Najork, "Computing Information Retrieval Performance Measures Efficiently in
the Presence of Tied Scores", ECIR 2008, section 2.4. A group of n tied results, r of them relevant,
with N results and R relevant ones ahead of it, adds

    sum for i = 1..n of  (r / n) (R + 1 + (i - 1) (r - 1) / (n - 1)) / (N + i)

to the sum of precisions at the relevant results. With h = H(N + n) - H(N), H the harmonic
numbers, the closed form is (r / n) ((R + 1) h + (r - 1) / (n - 1) (n - (N + 1) h)).

Denominator: all relevant results of the ranking.
"""

import numpy as np
from numpy.typing import NDArray

from dualhash.jit import compiled


def harmonic_numbers(n: int) -> NDArray[np.float64]:
    """Returns H(0), H(1), …, H(n) with H(i) = 1 + 1/2 + … + 1/i, shape (n + 1,)."""
    return np.concatenate(([0.0], np.cumsum(1.0 / np.arange(1, n + 1))))


@compiled
def tie_precision(
    ahead: int, relevant_ahead: int, size: int, relevant: int, harmonic: NDArray[np.float64]
) -> float:
    """Returns the expected sum of the precisions at the relevant results of one group of ties.

    Args:
        ahead: Results before the group.
        relevant_ahead: Relevant results before the group.
        size: Results in the group.
        relevant: Relevant results in the group.
        harmonic: `harmonic_numbers(n)` with n at least `ahead + size`.
    """
    if relevant == 0:
        return 0.0
    h = harmonic[ahead + size] - harmonic[ahead]
    precision = (relevant_ahead + 1) * h
    if size > 1:
        precision += (relevant - 1) / (size - 1) * (size - (ahead + 1) * h)
    return float(relevant / size * precision)
