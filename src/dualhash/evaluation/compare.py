"""Paired comparison of two methods: the difference of a figure, with its bootstrap interval.

Both methods get the same draws of the queries. A query that is hard for both then does not widen
the interval of their difference.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dualhash.errors import DualhashError
from dualhash.evaluation.bootstrap import RESAMPLES, interval, query_weights, weighted_means


class Difference(NamedTuple):
    """A figure of the first method minus that of the second.

    Attributes:
        value: The difference; NaN if a figure is undefined.
        low: Lower end of its 95 % interval; None without draws.
        high: Upper end.
    """

    value: float
    low: float | None
    high: float | None


def compare(
    first: ArrayLike, second: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Compares the means of two methods over the same N queries.

    >>> import numpy as np
    >>> compare(np.array([1.0, 0.5, 0.25, 0.5]), np.array([0.5, 0.0, 0.75, 0.0]))
    Difference(value=0.25, low=-0.25, high=0.5)

    Args:
        first: (N,) float, a value for each query, such as `category_precisions`; NaN if the query
            is left out.
        second: (N,) float, the values of the other method. A query takes part if both methods
            have a value.
        resamples: Number of draws of N queries; 0 for no interval.
        seed: Seed of the draws.

    Raises:
        DualhashError: The arrays are not of one shape (N,).
    """
    differences = _same_length(first, second)
    weights = query_weights(len(differences), resamples, np.random.default_rng(seed))
    return _difference(weighted_means(differences[:, None], weights)[:, 0])


def compare_draws(first: ArrayLike, second: ArrayLike) -> Difference:
    """Compares two figures from their draws, such as two entries of `Measurements.figures`.

    Both must come from the same queries, number of draws and seed.

    >>> compare_draws([0.75, 0.5, 0.5], [0.25, 0.25, 0.25])
    Difference(value=0.5, low=0.25, high=0.25)

    Args:
        first: (1 + B,) float, the figure, then its value in each of B draws.
        second: (1 + B,) float, of the other method.

    Raises:
        DualhashError: The arrays are not of one shape (1 + B,).
    """
    return _difference(_same_length(first, second))


def _same_length(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """The differences of two one-dimensional arrays."""
    minuend, subtrahend = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if minuend.ndim != 1 or minuend.shape != subtrahend.shape or not len(minuend):
        raise DualhashError(
            f"Arrays of shapes {minuend.shape} and {subtrahend.shape} cannot be compared: pass one "
            "value for each of the same queries."
        )
    return minuend - subtrahend


def _difference(draws: NDArray[np.float64]) -> Difference:
    return Difference(float(draws[0]), *interval(draws[1:]))
