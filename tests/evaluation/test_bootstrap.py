import numpy as np
import pytest

from dualhash.evaluation.bootstrap import (
    interval,
    mean_of_defined,
    query_weights,
    weighted_means,
    weighted_sums,
)


def test_weights_are_ones_and_then_draws_with_replacement():
    weights = query_weights(50, 20, np.random.default_rng(0))
    assert weights.shape == (50, 21)
    assert (weights[:, 0] == 1).all()
    assert (weights.sum(axis=0) == 50).all()
    assert len({column.tobytes() for column in weights.T}) == 21


def test_draws_depend_on_the_generator():
    first, second = (query_weights(30, 5, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = query_weights(30, 5, np.random.default_rng(8))
    assert (first != other).any()


def test_weighted_means_hand_worked_example():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 5.0]])
    weights = np.array([[1, 3, 0], [1, 1, 0], [1, 0, 1]], dtype=np.uint8)
    np.testing.assert_allclose(
        weighted_means(values, weights), [[2, 5], [1.5, np.nan], [np.nan, 5]]
    )
    sums, parts = weighted_sums(values, weights)
    np.testing.assert_allclose(sums, [[4, 5], [6, 0], [0, 5]])
    np.testing.assert_allclose(parts, [[2, 1], [4, 0], [0, 1]])


def test_weighted_means_are_means_of_repeated_values():
    rng = np.random.default_rng(0)
    values, weights = rng.random((40, 3)), query_weights(40, 10, rng)
    expected = [np.repeat(values, column, axis=0).mean(axis=0) for column in weights.T]
    np.testing.assert_allclose(weighted_means(values, weights), expected)


def test_mean_of_defined_ignores_nan():
    values = np.array([[1.0, np.nan, 3.0], [np.nan] * 3])
    np.testing.assert_allclose(mean_of_defined(values), [2, np.nan])


def test_interval_hand_worked_example():
    assert interval(np.arange(101.0)) == pytest.approx((2.5, 97.5))
    assert interval(np.arange(101.0), level=0.5) == pytest.approx((25, 75))
    assert interval(np.array([np.nan, 0.3])) == pytest.approx((0.3, 0.3))
    assert interval(np.array([np.nan])) == (None, None)
    assert interval(np.array([])) == (None, None)


def test_the_interval_of_a_mean_agrees_with_theory():
    rng = np.random.default_rng(0)
    values = rng.random((2000, 1))
    draws = weighted_means(values, query_weights(2000, 2000, rng))[1:, 0]
    low, high = interval(draws)
    error = values.std() / np.sqrt(2000)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)
