"""Pearson's correlation with an interval, and min-max normalisation; both accept NaN."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

NORMAL_95 = 1.959963984540054
"""The standard normal distribution has 95 % of its mass within this distance of 0."""


class Correlation(BaseModel):
    """Pearson's coefficient of n pairs of values.

    Attributes:
        value: In [-1, 1]; None if one side does not vary.
        low: Lower end of Fisher's 95 % interval, which assumes independent normal pairs; None for
            fewer than four pairs.
        high: Its upper end.
        pairs: n, the pairs with two defined values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None = None
    high: float | None = None
    pairs: int

    def in_words(self, of: str) -> str:
        """Returns the figures as part of a sentence; `of` says what the pairs are."""
        if self.value is None:
            return f"no correlation over {self.pairs} {of}"
        words = f"correlation {self.value:.2f} over {self.pairs} {of}"
        if self.low is not None:
            words += f", 95 % interval {self.low:.2f} to {self.high:.2f}"
        return words


def correlate(first: NDArray[np.float64], second: NDArray[np.float64]) -> Correlation:
    """Correlates two (n,) arrays; pairs with a NaN are left out.

    Source of the interval: Fisher, "On the probable error of a coefficient of correlation deduced
    from a small sample", Metron 1, 1921.
    """
    defined = ~(np.isnan(first) | np.isnan(second))
    first, second = first[defined], second[defined]
    pairs = len(first)
    if not pairs or not np.ptp(first) or not np.ptp(second):
        return Correlation(value=None, pairs=pairs)
    value = float(np.clip(np.corrcoef(first, second)[0, 1], -1.0, 1.0))
    if pairs <= 3:
        return Correlation(value=value, pairs=pairs)
    with np.errstate(divide="ignore"):
        z, reach = np.arctanh(value), NORMAL_95 / np.sqrt(pairs - 3)
    low, high = np.tanh([z - reach, z + reach]).tolist()
    return Correlation(value=value, low=low, high=high, pairs=pairs)


def min_max(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scales values (n,) to [0, 1]; NaN stays NaN, and equal values become 0."""
    if np.isnan(values).all():
        return values
    low, high = np.nanmin(values), np.nanmax(values)
    return (values - low) / (high - low if high > low else 1.0)
