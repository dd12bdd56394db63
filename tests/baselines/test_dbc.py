import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.baselines import dbc
from dualhash.baselines.dbc import DBC, predicted, principal_signs, separate, unite
from dualhash.errors import DualhashError
from tests.baselines.digits_data import digits
from tests.oracles.baselines import naive_separation


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    categories = rng.integers(0, rng.integers(2, 6), 30)
    categories[:2] = [0, 1]
    return np.where(rng.random((30, 8)) < 0.5, np.float32(-1), np.float32(1)), categories


seeds = st.integers(0, 2**32 - 1)


@given(seeds)
def test_updates_match_bit_by_bit_updates(seed: int):
    codes, categories = random_case(seed)
    expected = codes
    for _ in range(dbc.UPDATES):
        expected = naive_separation(expected, categories)
    np.testing.assert_array_equal(separate(codes, categories), expected)


@given(seeds)
def test_an_update_makes_a_category_constant_or_swaps_its_bits(seed: int):
    codes, categories = random_case(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbc, "UPDATES", 1)
        after = separate(codes, categories)
    for category in np.unique(categories):
        own = categories == category
        same = (after[own] == after[own][0]).all(axis=0)
        exchanged = (after[own] == -codes[own]).all(axis=0)
        assert (same | exchanged).all()


@given(seeds)
def test_bits_constant_within_categories_do_not_change(seed: int):
    codes, categories = random_case(seed)
    united = unite(codes, categories)
    np.testing.assert_array_equal(separate(united, categories), united)


@given(seeds)
def test_swapping_zeros_and_ones_swaps_the_result(seed: int):
    codes, categories = random_case(seed)
    np.testing.assert_array_equal(separate(-codes, categories), -separate(codes, categories))


def test_updates_hand_worked_example():
    categories = np.array([5, 5, 5, 5, 9, 9, 9, 9])
    codes = np.array(
        [
            # Three of four against one of four: a majority carries its category.
            [1, 1, 1, -1, 1, -1, -1, -1],
            # Two of four against two of four, 2 > 1/2 * 2: all flip, each time, ten times.
            [1, 1, -1, -1, 1, -1, 1, -1],
            # One of four against four: 0s stay, 1 > 1/2 * 4 is false; the 1 flips, 3 > 1/2 * 0.
            [1, -1, -1, -1, 1, 1, 1, 1],
        ],
        np.float32,
    ).T
    expected = [
        [1, 1, 1, 1, -1, -1, -1, -1],
        [1, 1, -1, -1, 1, -1, 1, -1],
        [-1, -1, -1, -1, 1, 1, 1, 1],
    ]
    np.testing.assert_array_equal(separate(codes, categories), np.transpose(expected))


def test_the_majority_of_a_category_hand_worked_example():
    codes = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1], [1, 1]], np.float32)
    found = unite(codes, np.array([4, 4, 4, 8, 8]))
    np.testing.assert_array_equal(found, [[1, -1], [1, -1], [1, -1], [-1, 1], [-1, 1]])


def test_fitting_reduces_distances_within_categories():
    train, _ = digits()
    own = train.labels.categories[:, None] == train.labels.categories

    def apart(codes: np.ndarray) -> float:
        """Distances within categories over distances between them, on average."""
        distances = (codes.shape[1] - codes @ codes.T) / 2
        return float(distances[own].mean() / distances[~own].mean())

    function = DBC.fit(train, 16, np.random.default_rng(0))
    learned = predicted(train.values, np.vstack([function.weight.T, function.bias]))
    assert apart(learned) < 0.5 * apart(principal_signs(train.values, 16))


def test_more_bits_than_features_are_refused():
    with pytest.raises(DualhashError, match="at most 64 bits, not 72"):
        DBC.fit(digits()[0], 72, np.random.default_rng(0))
