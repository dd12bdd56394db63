import numpy as np
import pytest
from sklearn.svm import LinearSVC

from dualhash.baselines.common.linear_svm import (
    CODE_COST,
    attribute_targets,
    category_head,
    code_vectors,
    linear_svms,
)
from dualhash.evaluation.true_labels import TrueLabels


@pytest.mark.parametrize("seed", range(3))
def test_solutions_match_liblinear(seed: int):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((120, 5))
    classes = np.where(
        values @ rng.standard_normal((5, 3)) + rng.standard_normal((120, 3)) > 0, 1, -1
    )
    sizes = rng.choice([0, 0.5, 2], (120, 3))
    found = linear_svms(values, classes * sizes)
    for column in range(3):
        known = sizes[:, column] > 0
        expected = LinearSVC(dual=False, tol=1e-8).fit(
            values[known], classes[known, column], sizes[known, column]
        )
        theirs = np.append(expected.coef_, expected.intercept_)
        np.testing.assert_allclose(found[:, column], theirs, atol=0.02)


def test_a_solution_hand_worked_example():
    # x = 1 and -1 with these classes: w^2 / 2 + 2 (1 - w)^2 is least at 4 / 5, the bias at 0.
    found = linear_svms(np.array([[1.0], [-1.0]]), np.array([[1.0], [-1.0]]))
    np.testing.assert_allclose(found, [[0.8], [0]], atol=1e-3)


def test_a_warm_start_takes_fewer_steps():
    rng = np.random.default_rng(5)
    values = rng.standard_normal((200, 10))
    classes = np.sign(values @ rng.standard_normal((10, 4)) + rng.standard_normal((200, 4)))
    cold: list[int] = []
    warm: list[int] = []
    found = linear_svms(values, classes, report=lambda done, _: cold.append(done))
    linear_svms(values, classes, start=found, report=lambda done, _: warm.append(done))
    assert len(warm) < len(cold) / 2


def test_attribute_targets_hand_worked_example():
    labels = TrueLabels(
        np.zeros(4, np.int64),
        np.array([[1], [0], [0], [0]], np.int8),
        np.array([[True], [True], [True], [False]]),
    )
    # Known of 3, present in 1: 3 / 2 for that, 3 / 4 for each of the others.
    np.testing.assert_allclose(attribute_targets(labels).ravel(), [1.5, -0.75, -0.75, 0])


def test_heads_on_bits_match_svms_on_sign_vectors():
    rng = np.random.default_rng(7)
    bits = rng.random((90, 16)) < 0.5
    labels = TrueLabels(
        rng.integers(-1, 3, 90), np.zeros((90, 0), np.int8), np.zeros((90, 0), bool)
    )
    head = category_head(bits, labels, 4)
    vectors = code_vectors(bits)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    known = labels.categories >= 0
    for category in range(4):
        own = np.where(labels.categories[known] == category, 1.0, -1.0)
        alone = linear_svms(vectors[known], own[:, None], cost=CODE_COST)
        expected = vectors @ alone[:-1, 0] + alone[-1, 0]
        np.testing.assert_allclose(head.scores(bits)[:, category], expected, atol=0.02)
    assert (head.scores(bits)[:, 3] < 0).all()  # of the last category there is no image
