"""Linear classifiers that read categories and attributes from codes."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.packing import unpack

CODES_PER_CHUNK = 16384
"""Codes unpacked at a time, to limit the memory for large indexes."""

HEADS = {
    "category_head": "category",
    "attribute_head": "attribute",
    "calibrated_category_head": "category",
    "calibrated_attribute_head": "attribute",
}
"""The heads of models and indexes, and what each reads from a code."""


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Computes m scores w_j . b + c_j of a code b (equations 2 and 5).

    Scores of binary codes are exact sums. So scores and rankings by them are the same in every
    engine, for any order of summation, batch size and number of threads.

    Attributes:
        names: Names of the m outputs.
        weight: (m, k) float32.
        bias: (m,) float32.
    """

    names: tuple[str, ...]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def take(self, rows: Sequence[int]) -> "LinearHead":
        """Returns a head with some of the m outputs, in the given order."""
        names = tuple(self.names[row] for row in rows)
        return LinearHead(names, self.weight[list(rows)], self.bias[list(rows)])

    def scores(self, values: NDArray[np.generic]) -> NDArray[np.float32]:
        """Returns scores (N, m) of bits or hash-layer outputs (N, k)."""
        weight, bias = self.summable
        return (np.asarray(values, np.float64) @ weight.T + bias).astype(np.float32)

    def code_scores(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns scores (N, m) of packed codes (N, k/8)."""
        scores = np.empty((len(codes), len(self.names)), np.float32)
        for start in range(0, len(codes), CODES_PER_CHUNK):
            chunk = slice(start, start + CODES_PER_CHUNK)
            scores[chunk] = self.scores(unpack(codes[chunk]))
        return scores

    def probabilities(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Returns the sigmoid of `scores`, (N, m) in [0, 1]."""
        return sigmoid(self.scores(values))

    @cached_property
    def summable(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights (m, k) and biases (m,), rounded so that their sums are exact.

        Each row is rounded to multiples of 2^-52 times a bound on its sums. Float64 represents
        every multiple up to that bound exactly.
        """
        both = np.column_stack([self.weight, self.bias]).astype(np.float64)
        _, exponent = np.frexp(np.abs(both).sum(axis=1, keepdims=True))
        step = np.ldexp(1.0, exponent - 52)
        both = np.rint(both / step) * step
        return both[:, :-1], both[:, -1]

    def as_dict(self) -> dict[str, Any]:
        """Returns the head as JSON values; arrays are float32, little-endian, in base64."""
        return {
            "names": list(self.names),
            "weight": b64encode(self.weight.astype("<f4").tobytes()).decode(),
            "bias": b64encode(self.bias.astype("<f4").tobytes()).decode(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], bits: int) -> "LinearHead":
        """Reads what `as_dict` returns, for codes of `bits` bits."""
        weight, bias = (
            np.frombuffer(b64decode(values[name]), "<f4").astype(np.float32)
            for name in ("weight", "bias")
        )
        return cls(tuple(values["names"]), weight.reshape(-1, bits), bias)


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns exp(s) divided by its sum along the last axis, in float64, any shape."""
    scores = np.asarray(scores, np.float64)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=-np.inf))
    shares: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def sigmoid(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns 1 / (1 + exp(-s)) in float64, any shape."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-np.asarray(scores, np.float64)))
