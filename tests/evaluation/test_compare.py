import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.errors import DualhashError
from dualhash.evaluation.bootstrap import query_weights
from dualhash.evaluation.category_retrieval import category_precisions, ijcv2020
from dualhash.evaluation.compare import compare, compare_draws


@given(st.integers(0, 2**32))
def test_interval_matches_a_loop_over_draws(seed: int):
    rng = np.random.default_rng(seed)
    first, second = rng.random((2, 30))
    draws = np.random.default_rng(7)
    means = []
    for _ in range(20):
        rows = draws.integers(30, size=30)
        means.append(first[rows].mean() - second[rows].mean())
    found = compare(first, second, resamples=20, seed=7)
    assert found.value == pytest.approx(first.mean() - second.mean())
    assert found[1:] == pytest.approx(tuple(np.quantile(means, (0.025, 0.975))))


def test_a_constant_difference_has_an_interval_of_width_zero():
    first = np.random.default_rng(0).random(50)
    assert compare(first, first - 0.125) == pytest.approx((0.125, 0.125, 0.125))


def test_queries_need_a_value_of_both_methods():
    found = compare([1, np.nan, 0.5, 0], [0.5, 0.1, np.nan, 0], resamples=0)
    assert found == (0.25, None, None)


def test_swapping_the_methods_negates_the_difference():
    first, second = np.random.default_rng(1).random((2, 40))
    there, back = compare(first, second), compare(second, first)
    assert (there.value, there.low, there.high) == pytest.approx(
        (-back.value, -back.high, -back.low)  # type: ignore[operator]
    )


def test_compare_and_compare_draws_agree():
    rng = np.random.default_rng(2)
    categories, weights = rng.integers(0, 4, 60), query_weights(60, 25, np.random.default_rng(0))
    codes = [rng.random((60, bits)) < 0.5 for bits in (8, 16)]
    figures = [ijcv2020(each, categories, weights).figures["category_map"] for each in codes]
    queries = [category_precisions(each, categories) for each in codes]
    assert compare_draws(*figures) == pytest.approx(compare(*queries, resamples=25))


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0, 2.0]), ([[1.0]], [[1.0]]), ([], [])])
def test_arrays_of_different_shapes_are_refused(first, second):
    for function in (compare, compare_draws):
        with pytest.raises(DualhashError, match="cannot be compared"):
            function(first, second)
