import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.baselines.jlbc import (
    attribute_gamma,
    losses,
    pair_objective,
    pair_ratio,
    separate_jointly,
)
from tests.oracles.baselines import naive_pair_objective


def test_pair_ratio_hand_worked_example():
    # Categories of 3 and 1: 9 + 1 pairs within, 16 - 10 between.
    assert pair_ratio(np.array([7, 7, 2, 7])) == pytest.approx(10 / 6)


@given(st.integers(0, 2**32 - 1))
def test_pair_objective_matches_the_sum_over_pairs(seed: int):
    rng = np.random.default_rng(seed)
    categories = rng.integers(0, rng.integers(2, 6), 30)
    categories[:2] = [0, 1]
    codes = np.where(rng.random((30, 8)) < 0.5, np.float32(-1), np.float32(1))
    expected = naive_pair_objective(codes, categories, pair_ratio(categories))
    assert pair_objective(codes, categories) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_iterations_lower_the_joint_objective(seed: int):
    rng = np.random.default_rng(seed)
    categories = rng.integers(0, 4, 40)
    codes = np.where(rng.random((40, 8)) < 0.5, np.float32(-1), np.float32(1))
    targets = rng.choice([-1.5, 0, 0.7], (40, 3))
    readers = rng.standard_normal((9, 3))
    gamma = attribute_gamma(categories, 3)

    def objective(codes: np.ndarray) -> float:
        missed = losses(codes @ readers[:-1] + readers[-1], targets).sum()
        return pair_objective(codes, categories) + gamma * float(missed)

    moved = separate_jointly(codes, categories, targets, readers)
    assert objective(moved) < objective(codes)
    for _ in range(20):
        codes, moved = moved, separate_jointly(moved, categories, targets, readers)
        assert objective(moved) <= objective(codes) + 1e-4
    np.testing.assert_array_equal(moved, codes)


def test_losses_hand_worked_example():
    # Scores 0.5 where 1 is wanted with weight 2, and 1 where -1 is wanted: 2 * 0.25 + 1 * 4.
    found = losses(np.array([[0.5, 1.0]]), np.array([[2.0, -1.0]]))
    np.testing.assert_allclose(found, [4.5])
