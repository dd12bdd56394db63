import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.evaluation.radix_sort import descending_order


@settings(deadline=None)
@given(st.lists(st.floats(0, 1) | st.sampled_from([0.0, 1e-308, 0.25, 1.0]), max_size=40))
def test_agrees_with_a_stable_sort(scores):
    scores = np.abs(np.array(scores, dtype=np.float64))  # no -0.0
    np.testing.assert_array_equal(descending_order(scores), np.argsort(-scores, kind="stable"))


@pytest.mark.parametrize("size", [1, 5000])
def test_every_digit_counts(size):
    """Neighbouring floats of every size: the lowest and the highest bits both decide."""
    base = np.random.default_rng(0).random(size) * 10.0 ** np.random.default_rng(1).integers(
        -300, 300, size
    )
    scores = np.concatenate([base, np.nextafter(base, np.inf), base])
    np.testing.assert_array_equal(descending_order(scores), np.argsort(-scores, kind="stable"))
