import numpy as np
import pytest

from dualhash.baselines import ksh
from tests.baselines.digits_data import digits
from tests.oracles.baselines import naive_residual

RNG = np.random.default_rng(0)
MEMBERS = RNG.integers(0, 4, 50)
CODES = np.where(RNG.random((50, 3)) < 0.5, -1.0, 1.0)
MAPPED = RNG.standard_normal((50, 6)) + 0.7 * RNG.standard_normal((4, 6))[MEMBERS]


def test_products_match_the_full_matrix():
    expected = naive_residual(MEMBERS, CODES, 8)
    vector = RNG.standard_normal(50)
    found = ksh.residual(MEMBERS, CODES, 8)(vector)
    np.testing.assert_allclose(found, expected @ vector, rtol=1e-5)
    labels = naive_residual(MEMBERS, CODES[:, :0], 1)
    np.testing.assert_allclose(ksh.compress(MAPPED, MEMBERS), MAPPED.T @ labels @ MAPPED)


def surrogate(direction: np.ndarray) -> float:
    bit = 2 / (1 + np.exp(-MAPPED @ direction)) - 1
    return float(-bit @ naive_residual(MEMBERS, CODES, 8) @ bit)


def test_gradient_steps_reach_a_stationary_point(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ksh, "TOLERANCE", 1e-9)
    start = 0.1 * RNG.standard_normal(6)
    found = ksh.descend(MAPPED, ksh.residual(MEMBERS, CODES, 8), start)
    assert surrogate(found) < surrogate(start)
    near = [surrogate(found + 1e-3 * step) for step in np.vstack([np.eye(6), -np.eye(6)])]
    assert min(near) > surrogate(found) - 1e-4 * abs(surrogate(found))


def test_first_step_follows_the_negative_gradient(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ksh, "STEPS", 1)
    start = 0.1 * RNG.standard_normal(6)
    step = ksh.descend(MAPPED, ksh.residual(MEMBERS, CODES, 8), start) - start
    slope = [
        (surrogate(start + 1e-5 * axis) - surrogate(start - 1e-5 * axis)) / 2e-5
        for axis in np.eye(6)
    ]
    cosine = -(step @ slope) / np.linalg.norm(step) / np.linalg.norm(slope)
    assert cosine == pytest.approx(1, abs=1e-6)


def test_the_better_of_two_directions_is_chosen():
    product = ksh.residual(MEMBERS, CODES[:, :0], 1)
    directions = [np.eye(6)[0], np.eye(6)[1]]
    reached = [float(bit @ product(bit)) for bit in np.sign(MAPPED[:, :2]).T]
    direction, bit = ksh.better(MAPPED, product, *directions)
    best = int(np.argmax(reached))
    np.testing.assert_array_equal(direction, directions[best])
    np.testing.assert_array_equal(bit, np.sign(MAPPED[:, best]))


def test_each_bit_lowers_the_residual():
    train = digits()[0]
    bits = ksh.KSH.fit(train, 16, np.random.default_rng(0)).outputs(train.values) > 0.5
    signs, members = np.where(bits, 1.0, -1.0), train.labels.categories
    left = [np.linalg.norm(naive_residual(members, signs[:, :t], 16)) for t in range(17)]
    assert (np.diff(left) < 0).all()
