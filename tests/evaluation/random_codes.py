"""Small random test sets, full of ties, missing labels and probabilities of exactly 0.5."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualhash.evaluation.bootstrap import Weights, query_weights
from dualhash.evaluation.true_labels import TrueLabels

MOST_IMAGES = 6


@dataclass
class Case:
    codes: NDArray
    probabilities: NDArray[np.float64]
    labels: TrueLabels
    weights: Weights

    def __repr__(self) -> str:
        return f"Case({self.codes!r}, {self.probabilities!r}, {self.labels!r}, {self.weights!r})"

    def draws(self) -> list[list[int]]:
        """The query images under each column of weights, with repetition."""
        images = np.arange(len(self.weights))
        return [np.repeat(images, column).tolist() for column in self.weights.T]

    def reversed(self) -> "Case":
        codes, probabilities, weights, *labels = (
            array[::-1].copy()
            for array in (self.codes, self.probabilities, self.weights, *self.labels)
        )
        return Case(codes, probabilities, TrueLabels(*labels), weights)


def make_case(seed: int, images: int, attributes: int, *, real: bool = False) -> Case:
    rng = np.random.default_rng(seed)
    codes = rng.integers(2, size=(images, 8)) * (rng.random(8) < 0.4)
    return Case(
        codes=(codes / 2).astype(np.float32) if real else codes.astype(bool),
        probabilities=rng.choice([0.1, 0.3, 0.5, 0.8, 0.9], size=(images, attributes)),
        labels=TrueLabels(
            categories=rng.integers(-1, 2, size=images),
            attributes=rng.integers(2, size=(images, attributes)).astype(np.int8),
            observed=rng.random((images, attributes)) < 0.85,
        ),
        weights=query_weights(images, 2, rng),
    )


def cases(*, real: bool = False) -> st.SearchStrategy[Case]:
    return st.builds(
        lambda seed, images, attributes: make_case(seed, images, attributes, real=real),
        st.integers(0, 2**32 - 1),
        st.integers(1, MOST_IMAGES),
        st.integers(1, 4),
    )
