"""SDH: supervised discrete hashing."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from dualhash.baselines.cca_itq import one_hot
from dualhash.baselines.common.features import Features, Report, no_report
from dualhash.baselines.common.hash_function import HashFunction, RbfKernel, squared_distances
from dualhash.baselines.common.shallow_method import ShallowMethod

ANCHORS = 1000
CLASSIFIER_RIDGE = 1.0
MAP_RIDGE = 1e-2
NU = 1e-5
ITERATIONS = 5
SWEEPS = 10

Matrix = NDArray[np.float64]


def fit_sdh(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Fits codes from which a linear map predicts the category, and which a kernel map predicts.

    Minimises |Y - B W|^2 + lambda |W|^2 + nu |B - F(X)|^2 over signs B, a classifier W and a map
    F of kernel similarities.

    Source: Shen, Shen, Liu and Shen, CVPR 2015, algorithm 1, and the authors' code: 1000 random
    anchors, lambda 1, nu 1e-5, a ridge of 1e-2 for F, random initial codes, 5 iterations. Each
    iteration has at most 10 sweeps of discrete cyclic coordinate descent from zeros, so the
    objective can rise from one iteration to the next. Deviation: the width of the kernel is the
    square root of half the mean squared distance; the authors use 0.4 for their normalised
    features, but distances between features of a network can be much larger.
    """
    features = features.with_category()
    values = features.values
    chosen = generator.choice(len(values), min(ANCHORS, len(values)), replace=False)
    spread = squared_distances(values, values[chosen]).mean(dtype=np.float64)
    kernel = RbfKernel(values[chosen], float(np.sqrt(spread / 2)))
    mapped = np.column_stack([kernel(values), np.ones(len(values), np.float32)])
    labels = one_hot(features.labels.categories)
    codes = np.where(generator.standard_normal((len(values), bits)) > 0, 1.0, -1.0)
    predictor = Ridge(mapped.astype(np.float64), MAP_RIDGE)
    for done in range(ITERATIONS):
        classifier = Ridge(codes, CLASSIFIER_RIDGE).solve(labels)
        target = NU * predictor.predict(codes) + labels @ classifier.T
        codes = coordinate_descent(target, classifier)
        report(done + 1, ITERATIONS)
    weights = predictor.solve(codes).astype(np.float32)
    return HashFunction(weights[:-1].T.copy(), weights[-1], kernel)


class Ridge:
    """Ridge regressions on the same values (N, m)."""

    def __init__(self, values: Matrix, ridge: float) -> None:
        self._values = values
        self._factor = cho_factor(values.T @ values + ridge * np.eye(values.shape[1]))

    def solve(self, targets: Matrix) -> Matrix:
        """Returns the weights (m, k) for targets (N, k)."""
        weights: Matrix = cho_solve(self._factor, self._values.T @ targets)
        return weights

    def predict(self, targets: Matrix) -> Matrix:
        """Returns the predictions (N, k) for targets (N, k)."""
        return self._values @ self.solve(targets)


def coordinate_descent(target: Matrix, classifier: Matrix) -> Matrix:
    """Minimises |B W|^2 - 2 tr(B' Q) over signs, one bit of all images at a time (equation 11).

    Args:
        target: Q, (N, k).
        classifier: W, (k, C).

    Returns:
        B, (N, k), after 10 sweeps from zeros, or fewer if no bit changes.
    """
    coupling = classifier @ classifier.T
    np.fill_diagonal(coupling, 0)
    codes = np.zeros(target.T.shape)  # a row per bit, so that products read memory in order
    for _ in range(SWEEPS):
        before = codes.copy()
        for bit, row in enumerate(codes):
            row[:] = np.where(target[:, bit] > coupling[bit] @ codes, 1.0, -1.0)
        if (codes == before).all():
            break
    return codes.T.copy()


SDH = ShallowMethod(title="SDH", paper="Shen, Shen, Liu and Shen, CVPR", year=2015, fit=fit_sdh)
