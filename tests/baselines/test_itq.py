import numpy as np
import pytest
from sklearn.decomposition import PCA

from dualhash.baselines.itq import principal_components, rotation
from tests.oracles.baselines import naive_rotation


def quantisation_loss(projected: np.ndarray, turned: np.ndarray) -> float:
    rotated = projected @ turned
    return float(((np.where(rotated > 0, 1, -1) - rotated) ** 2).sum())


def test_principal_components_match_sklearn():
    values = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
    values[:, 2] *= 5
    found = principal_components(values, 3)
    expected = PCA(3).fit(values).components_.T
    np.testing.assert_allclose(np.abs((found * expected).sum(axis=0)), 1, atol=1e-5)


@pytest.mark.parametrize("columns", [4, 8])
def test_rotation_matches_a_naive_loop(columns: int):
    projected = np.random.default_rng(1).standard_normal((60, columns)).astype(np.float32)
    start = np.linalg.qr(np.random.default_rng(2).standard_normal((8, 8)))[0]
    found = rotation(projected, 8, np.random.default_rng(2))
    expected = naive_rotation(projected.astype(np.float64), start, iterations=50)
    np.testing.assert_allclose(found, expected[:columns], atol=1e-4)
    np.testing.assert_allclose(found @ found.T, np.eye(columns), atol=1e-9)


def test_every_iteration_lowers_the_loss(monkeypatch: pytest.MonkeyPatch):
    projected = np.random.default_rng(3).standard_normal((80, 8)).astype(np.float32)
    losses = []
    for iterations in range(1, 8):
        monkeypatch.setattr("dualhash.baselines.itq.ITERATIONS", iterations)
        found = rotation(projected, 8, np.random.default_rng(4))
        losses.append(quantisation_loss(projected, found))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.95 * losses[0]


def test_a_rotated_square_is_rotated_back():
    # Four clusters at the ends of the axes: the best rotation is by 45 degrees.
    axes = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    noise = 0.05 * np.random.default_rng(5).standard_normal((80, 2))
    projected = (np.repeat(axes, 20, axis=0) + noise).astype(np.float32)
    found = rotation(projected, 2, np.random.default_rng(6))
    np.testing.assert_allclose(np.abs(found), np.sqrt(0.5), atol=0.02)
