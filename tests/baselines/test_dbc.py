import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.baselines.cases import digits
from tests.oracles.baselines import naive_pair_objective

from dualhash.baselines.dbc import DBC, pair_objective, pair_ratio, separate
from dualhash.errors import DualhashError


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    categories = rng.integers(0, rng.integers(2, 6), 30)
    categories[:2] = [0, 1]
    return np.where(rng.random((30, 8)) < 0.5, np.float32(-1), np.float32(1)), categories


def test_the_ratio_by_hand():
    # Categories of 3 and 1: 9 + 1 pairs within, 16 - 10 between.
    assert pair_ratio(np.array([7, 7, 2, 7])) == pytest.approx(10 / 6)


@given(st.integers(0, 2**32 - 1))
def test_the_objective_is_the_sum_over_all_pairs(seed: int):
    codes, categories = random_case(seed)
    expected = naive_pair_objective(codes, categories, pair_ratio(categories))
    assert pair_objective(codes, categories) == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_moving_categories_lowers_the_objective_to_where_no_single_flip_does(seed: int):
    codes, categories = random_case(seed)
    found = separate(codes, categories)
    lowest = pair_objective(found, categories)
    assert lowest <= pair_objective(codes, categories) + 1e-6
    for image in range(len(codes)):
        flipped = found.copy()
        flipped[image] *= -1
        for bit in range(8):
            one = found.copy()
            one[image, bit] = flipped[image, bit]
            assert pair_objective(one, categories) >= lowest - 1e-6


def test_a_majority_carries_its_category():
    codes = np.array([[1], [1], [-1], [-1], [-1], [1]], np.float32)
    found = separate(codes, np.array([0, 0, 0, 1, 1, 1]))
    np.testing.assert_array_equal(found.ravel(), [1, 1, 1, -1, -1, -1])


def test_more_bits_than_features_are_refused():
    with pytest.raises(DualhashError, match="at most that many"):
        DBC.fit(digits()[0], 72, np.random.default_rng(0))
