"""Bootstrap intervals over queries: how much a figure varies with the choice of queries.

The test images are drawn again, with replacement, as queries; the gallery stays the same. A draw
is a weight per image: the number of times that it was drawn. Every figure is computed from
weights; with all weights 1 it is the figure itself.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
"""

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
"""Bootstrap draws: 32 attributes of 5,000 images then take about 20 seconds on 2 cores."""

Weights = NDArray[np.uint8]
"""(N, 1 + B): weights of N queries. Column 0 is all ones, the others are B draws.

The probability that an image is drawn more than 255 times is below 1 / 256!.
"""


def query_weights(queries: int, resamples: int, rng: np.random.Generator) -> Weights:
    """Returns a column of ones, and how often each query was drawn; (queries, 1 + resamples)."""
    weights = np.ones((queries, 1 + resamples), dtype=np.uint8)
    for b in range(1, 1 + resamples):
        weights[:, b] = np.bincount(rng.integers(queries, size=queries), minlength=queries)
    return weights


def weighted_sums(
    values: NDArray[np.float64], weights: Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the weighted sums over queries, and the total weights, both (1 + B, M).

    Args:
        values: (N, M), a value per query and column; NaN if the query is left out.
        weights: (N, 1 + B).
    """
    part = ~np.isnan(values)
    transposed = weights.T.astype(np.float64)
    return transposed @ np.where(part, values, 0.0), transposed @ part.astype(np.float64)


def weighted_means(values: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Returns the weighted means over queries, (1 + B, M); NaN if no query takes part."""
    return divide(*weighted_sums(values, weights))


def divide(sums: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns `sums / parts`, NaN where `parts` is zero."""
    quotients = np.full(sums.shape, np.nan)
    np.divide(sums, parts, out=quotients, where=parts > 0)
    return quotients


def mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the mean of the values that are not NaN, over the last axis; NaN if all are."""
    part = ~np.isnan(values)
    return divide(np.where(part, values, 0.0).sum(axis=-1), part.sum(axis=-1).astype(np.float64))


def interval(
    draws: NDArray[np.float64], *, level: float = 0.95
) -> tuple[float, float] | tuple[None, None]:
    """Returns the central `level` of the draws, (low, high); both None without draws.

    Args:
        draws: (B,), the figure in each draw; draws in which it is undefined (NaN) do not count.
        level: Share of the draws inside, in (0, 1).
    """
    defined = draws[~np.isnan(draws)]
    if not len(defined):
        return None, None
    tail = (1 - level) / 2
    low, high = np.quantile(defined, (tail, 1 - tail))
    return float(low), float(high)
