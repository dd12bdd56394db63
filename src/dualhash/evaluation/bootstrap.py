"""Percentile intervals over queries: how far a figure would move with other queries.

The test images are drawn again, with replacement, as queries; the database stays as it is. A draw
is a weight per image, the number of times it was drawn, so every figure is computed from weights,
and the figure itself is the case where all weights are one.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
"""

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.uint8]
"""(N, 1 + B): weights of N queries; column 0 is all ones, the others are B draws.

An image is drawn more than 255 times with a probability below 1 / 256!.
"""


def query_weights(queries: int, resamples: int, rng: np.random.Generator) -> Weights:
    """Ones, and how often each of `queries` is among `queries` draws; (queries, 1 + resamples)."""
    weights = np.ones((queries, 1 + resamples), dtype=np.uint8)
    for b in range(1, 1 + resamples):
        weights[:, b] = np.bincount(rng.integers(queries, size=queries), minlength=queries)
    return weights


def weighted_sums(
    values: NDArray[np.float64], weights: Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted sums over queries, and the weight that took part, both (1 + B, M).

    Args:
        values: (N, M), a value per query and column; NaN where the query takes no part.
        weights: (N, 1 + B).
    """
    part = ~np.isnan(values)
    transposed = weights.T.astype(np.float64)
    return transposed @ np.where(part, values, 0.0), transposed @ part.astype(np.float64)


def weighted_means(values: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Weighted means over queries, (1 + B, M); NaN where no query takes part."""
    return divide(*weighted_sums(values, weights))


def divide(sums: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """`sums / parts`, NaN where `parts` is zero."""
    quotients = np.full(sums.shape, np.nan)
    np.divide(sums, parts, out=quotients, where=parts > 0)
    return quotients


def mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of what is not NaN; NaN where nothing is."""
    part = ~np.isnan(values)
    return divide(np.where(part, values, 0.0).sum(axis=-1), part.sum(axis=-1).astype(np.float64))


def interval(draws: NDArray[np.float64], *, level: float = 0.95) -> tuple[float, float] | None:
    """The central `level` of the draws, (low, high); None when there are none.

    Args:
        draws: (B,), the figure of each draw; those in which it is undefined, NaN, do not count.
        level: Share of the draws inside, in (0, 1).
    """
    defined = draws[~np.isnan(draws)]
    if not len(defined):
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(defined, (tail, 1 - tail))
    return float(low), float(high)
