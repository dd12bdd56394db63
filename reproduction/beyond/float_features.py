"""Normalised features that are ranked by cosine, and logistic classifiers beside them.

It is what a user has today without codes: the features of a frozen network in a vector index, and
linear classifiers of categories and attributes on them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from dualhash.codes.linear_head import sigmoid
from dualhash.evaluation.true_labels import TrueLabels

PENALTIES = (1e-6, 1e-5, 1e-4)
"""The L2 penalties that are tried on validation images."""

ITERATIONS = 200

Floats = NDArray[np.float32]

Loss = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]
"""From scores to their loss and its gradient."""


class Classifier(NamedTuple):
    """m linear scores of features (N, d): a weight (d, m) and a bias (m,)."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    def scores(self, features: Floats) -> NDArray[np.float64]:
        """Returns scores (N, m)."""
        return features.astype(np.float64) @ self.weight + self.bias


def normalised(features: NDArray[np.floating]) -> Floats:
    """Returns features (N, d) of length 1."""
    values = features.astype(np.float32)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    found: Floats = values / np.maximum(lengths, np.float32(1e-12))
    return found


def fit_attributes(features: Floats, labels: TrueLabels, penalty: float) -> Classifier:
    """Fits a logistic regression for each attribute; both of its values weigh the same.

    Args:
        features: (N, d) of length 1.
        labels: Of the N images; missing ones are left out.
        penalty: Of half the squared weights, relative to the mean loss.
    """
    present = (labels.attributes == 1) & labels.observed
    absent = (labels.attributes != 1) & labels.observed
    weights = present / np.maximum(2 * present.sum(axis=0), 1)
    weights = weights + absent / np.maximum(2 * absent.sum(axis=0), 1)

    def loss(scores: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        losses = np.logaddexp(0, scores) - present * scores
        return float((weights * losses).sum()), weights * (sigmoid(scores) - present)

    return _fit(features, penalty, present.shape[1], loss)


def fit_categories(features: Floats, labels: TrueLabels, count: int, penalty: float) -> Classifier:
    """Fits a multinomial logistic regression of `count` categories."""
    known = np.flatnonzero(labels.categories >= 0)
    targets = np.eye(count)[labels.categories[known]]

    def loss(scores: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value = -float((targets * log_softmax(scores, axis=1)).sum() / len(known))
        return value, (softmax(scores, axis=1) - targets) / len(known)

    return _fit(features[known], penalty, count, loss)


def best(fit: Callable[[float], Classifier], loss: Callable[[Classifier], float]) -> Classifier:
    """Returns the classifier with the penalty of `PENALTIES` that has the least loss.

    Args:
        fit: Fits with a penalty.
        loss: On validation images.
    """
    return min(map(fit, PENALTIES), key=loss)


def attribute_loss(scores: NDArray[np.float64], labels: TrueLabels) -> float:
    """Returns the log loss of labelled attributes, the mean over both values of each."""
    losses = []
    for j in range(scores.shape[1]):
        seen = labels.observed[:, j]
        present = labels.attributes[seen, j] == 1
        each = np.logaddexp(0, np.where(present, -1, 1) * scores[seen, j])
        losses += [each[kind].mean() for kind in (present, ~present) if kind.any()]
    return float(np.mean(losses))


def category_loss(scores: NDArray[np.float64], labels: TrueLabels) -> float:
    """Returns the mean log loss of the images with a category."""
    known = np.flatnonzero(labels.categories >= 0)
    categories = labels.categories[known]
    return -float(log_softmax(scores[known], axis=1)[np.arange(len(known)), categories].mean())


def _fit(features: Floats, penalty: float, outputs: int, loss: Loss) -> Classifier:
    """Minimises the loss of scores plus the penalty, by L-BFGS from zero."""
    size = features.shape[1]

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight = flat.reshape(size + 1, outputs)
        value, slope = loss(features @ weight[:-1].astype(np.float32) + weight[-1])
        down = np.empty_like(weight)
        down[:-1] = features.T @ slope.astype(np.float32) + penalty * weight[:-1]
        down[-1] = slope.sum(axis=0)
        return value + penalty * float((weight[:-1] ** 2).sum()) / 2, down.ravel()

    start = np.zeros((size + 1) * outputs)
    options = {"maxiter": ITERATIONS}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    weight = found.x.reshape(size + 1, outputs)
    return Classifier(weight[:-1], weight[-1])
