"""Linear classifiers that read categories and attributes from codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.packing import unpack

CHUNK = 16384
"""Codes unpacked at a time, so that scoring a large index needs little memory."""


@dataclass(frozen=True, eq=False)
class LinearHead:
    """m scores w_j . b + c_j of a code b (equations 2 and 5).

    The scores of binary codes are exact sums, so they are the same in every engine, for any order
    of summation, batch and number of threads, and results that are ordered by them are too.

    Attributes:
        names: m names of what is scored.
        weight: (m, k) float32.
        bias: (m,) float32.
    """

    names: tuple[str, ...]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def take(self, rows: Sequence[int]) -> "LinearHead":
        """The head with only these of its m outputs, in that order."""
        picked = list(rows)
        names = tuple(self.names[row] for row in picked)
        return LinearHead(names, self.weight[picked], self.bias[picked])

    def scores(self, values: NDArray[np.generic]) -> NDArray[np.float32]:
        """Scores (N, m) of bits or hash layer outputs (N, k)."""
        weight, bias = self.summable
        return (np.asarray(values, np.float64) @ weight.T + bias).astype(np.float32)

    def code_scores(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores (N, m) of packed codes (N, k/8)."""
        scores = np.empty((len(codes), len(self.names)), np.float32)
        for start in range(0, len(codes), CHUNK):
            chunk = slice(start, start + CHUNK)
            scores[chunk] = self.scores(unpack(codes[chunk]))
        return scores

    def probabilities(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Sigmoid of `scores`, (N, m), in [0, 1]."""
        return sigmoid(self.scores(values))

    @cached_property
    def summable(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights and biases rounded so that no sum of them rounds.

        Each row is rounded to multiples of 2^-52 of a bound of its sums. Float64 holds every
        multiple up to that bound exactly.
        """
        both = np.column_stack([self.weight, self.bias]).astype(np.float64)
        _, exponent = np.frexp(np.abs(both).sum(axis=1, keepdims=True))
        step = np.ldexp(1.0, exponent - 52)
        both = np.rint(both / step) * step
        return both[:, :-1], both[:, -1]


def sigmoid(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """1 / (1 + exp(-s)) in float64, any shape."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-np.asarray(scores, np.float64)))
