import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.analysis.correlation import correlate, min_max
from tests.oracles.analysis import pearson


@given(st.integers(0, 2**32 - 1), st.integers(4, 30))
def test_matches_the_naive_oracle(seed, pairs):
    first, second = np.random.default_rng(seed).normal(size=(2, pairs))
    found = correlate(first, second)
    assert found.value == pytest.approx(pearson(first.tolist(), second.tolist()))
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert correlate(second * 3 - 1, first).value == pytest.approx(found.value)


def test_hand_worked_example():
    # Deviations (-1, 0, 1) and (-1, 1, 0): 1 / sqrt(2 * 2).
    assert correlate(np.array([1.0, 2, 3]), np.array([0.0, 2, 1])).value == pytest.approx(0.5)


def test_interval_matches_fishers_formula():
    # 12 of 16 pairs agree in sign and 4 do not: r = 8 / 16. atanh(0.5) = 0.549306, and
    # 1.959964 / sqrt(16 - 3) = 0.543596: tanh(0.005710) and tanh(1.092902).
    found = correlate(np.repeat([1.0, -1.0], 8), np.repeat([1.0, -1.0, -1.0, 1.0], [6, 2, 6, 2]))
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == (pytest.approx(0.00571, abs=1e-5), pytest.approx(0.797935))


def test_undefined_values_are_left_out():
    first = np.array([1.0, np.nan, 2, 3, 9])
    second = np.array([1.0, 5, 2, 3, np.nan])
    found = correlate(first, second)
    assert (found.value, found.low, found.pairs) == (pytest.approx(1), None, 3)


@pytest.mark.parametrize("first", [[], [1.0], [2.0, 2.0, 2.0], [np.nan, np.nan]])
def test_constant_values_have_no_correlation(first):
    found = correlate(np.array(first), np.arange(float(len(first))))
    assert found.value is None
    assert found.low is None


def test_interval_of_a_perfect_correlation_has_width_zero():
    found = correlate(np.arange(9.0), -np.arange(9.0))
    assert (found.low, found.value, found.high) == (-1, -1, -1)


def test_min_max_scales_to_0_and_1():
    np.testing.assert_allclose(min_max(np.array([3.0, 1, np.nan, 2])), [1, 0, np.nan, 0.5])
    np.testing.assert_array_equal(min_max(np.array([4.0, 4])), [0, 0])
    assert np.isnan(min_max(np.array([np.nan]))).all()
