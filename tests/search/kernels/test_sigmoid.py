import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.search.kernels import joint_probability

ONE = np.array([True])


def chance(score: float) -> float:
    return float(joint_probability(np.array([[score]], np.float32), ONE)[0])


@given(st.floats(-700, 700, width=32))
def test_matches_the_logistic_function(score: float):
    assert chance(score) == pytest.approx(1 / (1 + math.exp(-score)), rel=1e-15)


@given(st.floats(-1000, 1000, width=32), st.floats(-1000, 1000, width=32))
def test_probability_is_monotonic_in_the_score(a: float, b: float):
    assert chance(min(a, b)) <= chance(max(a, b))


@pytest.mark.parametrize(("score", "expected"), [(0, 0.5), (1e6, 1), (-1e6, 0), (math.inf, 1)])
def test_hand_worked_example(score: float, expected: float):
    assert chance(score) == expected


def test_probabilities_of_wanted_and_unwanted_are_multiplied():
    scores = np.array([[1, -2], [0, 0]], np.float32)
    p, q = 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(2))
    products = joint_probability(scores, np.array([True, False]))
    np.testing.assert_allclose(products, [p * (1 - q), 0.25], rtol=1e-15)


def test_a_column_of_a_larger_table_is_read(rng: np.random.Generator):
    scores = rng.normal(0, 3, (5, 4)).astype(np.float32)
    part = joint_probability(scores[:, ::2], np.array([True, True]))
    assert (
        part.tolist() == joint_probability(scores[:, ::2].copy(), np.array([True, True])).tolist()
    )
