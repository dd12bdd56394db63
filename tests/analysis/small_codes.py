"""Small random codes with labels, some of them missing."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualhash.analysis.analyse import Analysis
from dualhash.analysis.bit_attribution import attributions, label_correlations
from dualhash.analysis.bit_functionality import bit_functionality
from dualhash.codes.linear_head import LinearHead


class Case(NamedTuple):
    bits: NDArray[np.bool_]
    categories: NDArray[np.int64]
    attributes: NDArray[np.int8]
    observed: NDArray[np.bool_]
    head: LinearHead

    def take(self, rows: NDArray[np.int64]) -> "Case":
        return Case(*(array[rows] for array in self[:4]), self.head)


def make_case(seed: int, images: int = 20, bits: int = 8, attributes: int = 3) -> Case:
    """At least two categories have images."""
    rng = np.random.default_rng(seed)
    categories = rng.integers(-1, 4, images)
    categories[:2] = 0, 1
    return Case(
        bits=rng.random((images, bits)) < rng.random(bits),
        categories=categories,
        attributes=rng.integers(2, size=(images, attributes)).astype(np.int8),
        observed=rng.random((images, attributes)) < 0.8,
        head=LinearHead(
            tuple(f"attribute {j}" for j in range(attributes)),
            rng.normal(size=(attributes, bits)).astype(np.float32),
            rng.normal(size=attributes).astype(np.float32),
        ),
    )


def cases() -> st.SearchStrategy[Case]:
    return st.builds(make_case, st.integers(0, 2**32 - 1), st.integers(2, 25))


def make_analysis(seed: int = 0, **counts: int) -> Analysis:
    case = make_case(seed, **counts)
    return Analysis(
        source="shop.csv",
        functionality=bit_functionality(*case),
        head=case.head,
        attributions=attributions(case.head),
        correlations=label_correlations(case.bits, case.attributes, case.observed),
        largest="hat",
        largest_share=0.25,
        hashes={"model": "0123456789abcdef", "data": "fedcba9876543210"},
        failures=("torn.png is not an image.",),
    )
