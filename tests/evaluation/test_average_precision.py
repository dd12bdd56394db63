import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from dualhash.evaluation.average_precision import harmonic_numbers, tie_precision
from tests.oracles.evaluation import expected_average_precision

GROUPS = st.lists(
    st.integers(0, 3).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), max_size=3
)


def average_precision(sizes, relevant, *, ahead=0):
    """Of a ranking of groups of ties, behind `ahead` wrong results; NaN if nothing is relevant."""
    sizes, relevant = np.asarray(sizes, dtype=np.int64), np.asarray(relevant, dtype=np.int64)
    if not relevant.sum():
        return math.nan
    harmonic = harmonic_numbers(ahead + int(sizes.sum()))
    results_ahead = ahead + np.cumsum(sizes) - sizes
    relevant_ahead = np.cumsum(relevant) - relevant
    groups = zip(results_ahead, relevant_ahead, sizes, relevant, strict=True)
    return sum(tie_precision(*group, harmonic) for group in groups) / relevant.sum()


def test_hand_worked_example():
    # Relevant at ranks 1 and 3 of 3: (1/1 + 2/3) / 2.
    assert average_precision([1, 1, 1], [1, 0, 1]) == pytest.approx(5 / 6)
    # Two tie and one is relevant: rank 1 or rank 2.
    assert average_precision([2], [1]) == pytest.approx((1 + 1 / 2) / 2)
    # The same behind one wrong result: rank 2 or rank 3.
    assert average_precision([2], [1], ahead=1) == pytest.approx((1 / 2 + 1 / 3) / 2)
    # Three tie and two are relevant: at ranks 1, 2 or 1, 3 or 2, 3.
    assert average_precision([3], [2]) == pytest.approx((1 + 5 / 6 + (1 / 2 + 2 / 3) / 2) / 3)


def test_average_precision_without_relevant_results_is_undefined():
    assert math.isnan(average_precision([2, 3], [0, 0]))
    assert math.isnan(average_precision([], []))


@given(GROUPS, st.integers(0, 2))
def test_matches_the_mean_over_all_orders(groups, ahead):
    sizes, counts = [n for n, _ in groups], [r for _, r in groups]
    group_of = np.repeat(np.arange(len(groups)), sizes)
    relevant = {
        int(np.flatnonzero(group_of == g)[i]) for g, r in enumerate(counts) for i in range(r)
    }
    naive = expected_average_precision(
        range(len(group_of)), lambda i: group_of[i], relevant, first=[-1] * ahead
    )
    computed = average_precision(sizes, counts, ahead=ahead)
    assert math.isnan(computed) if naive is None else computed == pytest.approx(naive)


def test_matches_sklearn_without_ties():
    rng = np.random.default_rng(0)
    relevant = rng.random(500) < 0.1
    expected = average_precision_score(relevant, -np.arange(500))
    assert average_precision(np.ones(500), relevant) == pytest.approx(expected)


def test_large_groups_of_ties_are_exact():
    """Of n that tie, r relevant, the closed form is the sum written out."""
    n, r, ahead, found = 5000, 1234, 4000, 700
    i = np.arange(1, n + 1)
    own = r / n * (found + 1 + (i - 1) * (r - 1) / (n - 1)) / (ahead + i)
    written_out = math.fsum(own)
    first = math.fsum(
        found / ahead * (1 + (i - 1) * (found - 1) / (ahead - 1)) / i for i in range(1, ahead + 1)
    )
    expected = (first + written_out) / (found + r)
    assert average_precision([ahead, n], [found, r]) == pytest.approx(expected, rel=1e-12)


def test_harmonic_numbers_are_partial_sums():
    np.testing.assert_allclose(harmonic_numbers(4), [0, 1, 3 / 2, 11 / 6, 25 / 12])
