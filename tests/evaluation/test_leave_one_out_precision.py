import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.evaluation.average_precision import harmonic_numbers
from dualhash.evaluation.leave_one_out_precision import descending_order, leave_one_out_precisions
from tests.oracles.evaluation import expected_average_precision

ITEMS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.7]), st.integers(0, 2), st.booleans()), max_size=7
)


def precisions(items):
    scores, classes, asks = (
        np.array([item[i] for item in items], dtype=kind)
        for i, kind in enumerate((np.float64, np.int8, np.bool_))
    )
    return leave_one_out_precisions(scores, classes, asks, 3, harmonic_numbers(len(items)))


@settings(max_examples=60, deadline=None)
@given(ITEMS)
def test_matches_rankings_without_the_query(items):
    for query, found in enumerate(precisions(items)):
        others = [i for i in range(len(items)) if i != query]
        relevant = {i for i in others if items[i][1] == items[query][1]}
        expected = expected_average_precision(others, lambda i: -items[i][0], relevant)
        if expected is None or not items[query][2]:
            assert np.isnan(found)
        else:
            assert found == pytest.approx(expected)


def test_hand_worked_example():
    # Ranks a, b, then c and d tie. Classes: a, c, d alike; b alone.
    items = [(0.9, 0, True), (0.8, 1, True), (0.5, 0, True), (0.5, 0, True)]
    # a: b, then c, d: (1/2 + 2/3) / 2. b: nothing relevant. c: a, b, d: (1 + 2/3) / 2, as is d.
    expected = [7 / 12, np.nan, 5 / 6, 5 / 6]
    np.testing.assert_allclose(precisions(items), expected)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1) | st.sampled_from([0.0, 1e-308, 0.25, 1.0]), max_size=40))
def test_order_matches_a_stable_sort(scores):
    scores = np.abs(np.array(scores, dtype=np.float64))  # no -0.0
    np.testing.assert_array_equal(descending_order(scores), np.argsort(-scores, kind="stable"))


@pytest.mark.parametrize("size", [1, 5000])
def test_order_uses_every_bit_of_a_score(size):
    """Neighbouring floats of every size: the lowest and the highest bits both decide."""
    base = np.random.default_rng(0).random(size) * 10.0 ** np.random.default_rng(1).integers(
        -300, 300, size
    )
    scores = np.concatenate([base, np.nextafter(base, np.inf), base])
    np.testing.assert_array_equal(descending_order(scores), np.argsort(-scores, kind="stable"))
