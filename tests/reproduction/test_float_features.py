import numpy as np
import pytest

from dualhash.evaluation.true_labels import TrueLabels
from reproduction.beyond.float_features import (
    attribute_loss,
    best,
    category_loss,
    fit_attributes,
    fit_categories,
    normalised,
)

linear_model = pytest.importorskip("sklearn.linear_model", reason="the dev extra is not installed")


@pytest.fixture
def labels() -> TrueLabels:
    """Three categories and two attributes, some of both missing."""
    rng = np.random.default_rng(0)
    observed = rng.random((200, 2)) > 0.2
    return TrueLabels(
        rng.integers(-1, 3, 200),
        (rng.random((200, 2)) > [0.5, 0.8]).astype(np.int8) * observed,
        observed,
    )


@pytest.fixture
def features(labels: TrueLabels) -> np.ndarray:
    """Vaguely related to the labels, of length 1."""
    rng = np.random.default_rng(1)
    related = np.column_stack([labels.categories == 1, labels.attributes])
    return normalised(related + rng.normal(0, 1, (200, 3)))


def test_normalised_features_have_length_one():
    found = normalised(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0]], rtol=1e-6)


def test_attributes_are_those_of_balanced_logistic_regression(features, labels):
    penalty = 0.01
    found = fit_attributes(features, labels, penalty)
    for j in range(2):
        seen = labels.observed[:, j]
        expected = linear_model.LogisticRegression(
            C=1 / (penalty * seen.sum()), class_weight="balanced", tol=1e-8, max_iter=1000
        ).fit(features[seen], labels.attributes[seen, j])
        np.testing.assert_allclose(found.weight[:, j], expected.coef_[0], atol=2e-2)
        np.testing.assert_allclose(found.bias[j], expected.intercept_[0], atol=2e-2)


def test_categories_are_those_of_logistic_regression(features, labels):
    penalty, known = 0.01, labels.categories >= 0
    found = fit_categories(features, labels, 3, penalty)
    expected = linear_model.LogisticRegression(
        C=1 / (penalty * known.sum()), tol=1e-8, max_iter=1000
    ).fit(features[known], labels.categories[known])
    scores, theirs = found.scores(features), expected.decision_function(features)
    np.testing.assert_allclose(
        scores - scores.mean(axis=1, keepdims=True),
        theirs - theirs.mean(axis=1, keepdims=True),
        atol=5e-2,
    )


def test_losses_worked_by_hand():
    labels = TrueLabels(
        np.array([0, -1, 1]),
        np.array([[1], [0], [0]], np.int8),
        np.array([[True], [True], [False]]),
    )
    scores = np.array([[0.0], [np.log(3)], [99.0]])
    assert attribute_loss(scores, labels) == pytest.approx((np.log(2) + np.log(4)) / 2)
    both = np.array([[0.0, 0.0], [9.0, 9.0], [0.0, np.log(3)]])
    assert category_loss(both, labels) == pytest.approx((np.log(2) + np.log(4 / 3)) / 2)


def test_the_penalty_with_the_least_loss_is_chosen(features, labels):
    losses = iter([0.3, 0.1, 0.2])
    tried = []

    def fit(penalty: float):
        tried.append(fit_attributes(features, labels, penalty))
        return tried[-1]

    assert best(fit, lambda _: next(losses)) is tried[1]
