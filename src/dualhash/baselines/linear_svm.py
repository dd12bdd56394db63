"""Many linear support vector machines on the same features at once."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from dualhash.baselines.method import Report, unwatched
from dualhash.codes.linear_head import LinearHead
from dualhash.evaluation.true_labels import TrueLabels

COST = 1.0
"""C, the weight of training errors against the margin, for features; liblinear's default."""

CODE_COST = 0.1
"""C for codes. Of 0.03 to 3 on the bits of CCA-ITQ, small values told the attributes of fashion's
validation images best."""

ITERATIONS = 300
TOLERANCE = 1e-6
"""Relative fall of the objective in one step at which it ends."""


def linear_svms(
    values: NDArray[np.floating],
    targets: NDArray[np.floating],
    *,
    cost: float = COST,
    start: NDArray[np.float64] | None = None,
    report: Report = unwatched,
) -> NDArray[np.float64]:
    """Minimises, for each of m problems, |w|^2 / 2 + C sum_i a_i max(0, 1 - y_i w . (x_i, 1))^2.

    That is liblinear's default problem, with its regularised bias. All m are solved together by
    L-BFGS, because their gradients are then two matrix products: for 256 problems on 20,000
    features of 480 values many times faster than one after the other.

    Args:
        values: (N, d) features.
        targets: (N, m), y_i a_i: the sign says the class, the size the weight of the image; 0
            where the class is not known.
        cost: C.
        start: (d + 1, m), a solution of similar problems.
        report: Called after each iteration.

    Returns:
        (d + 1, m) weights; the last row is the bias.
    """
    extended = np.column_stack([values, np.ones(len(values), values.dtype)])
    shape = (extended.shape[1], targets.shape[1])
    signs = np.sign(targets).astype(values.dtype)
    sizes = np.abs(targets).astype(values.dtype)
    steps = 0

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(shape)
        short = np.maximum(1 - signs * (extended @ weights.astype(values.dtype)), 0)
        pulled = sizes * short
        loss = float(np.einsum("ij,ij->", pulled, short, dtype=np.float64))
        slope = weights - 2 * cost * (extended.T @ (pulled * signs))
        return float((flat**2).sum()) / 2 + cost * loss, slope.ravel()

    def count(_: NDArray[np.float64]) -> None:
        nonlocal steps
        steps += 1
        report(steps, ITERATIONS)

    found = minimize(
        objective,
        np.zeros(shape).ravel() if start is None else start.ravel(),
        jac=True,
        method="L-BFGS-B",
        callback=count,
        options={"maxiter": ITERATIONS, "ftol": TOLERANCE, "gtol": 0.0},
    )
    return np.asarray(found.x).reshape(shape)


def attribute_targets(labels: TrueLabels) -> NDArray[np.float64]:
    """Targets (N, p) of `linear_svms` for attributes, in which both kinds of label weigh the same.

    An attribute known of n images and present in n_1 gives those n / (2 n_1) and the others
    -n / (2 n_0), as "balanced" weights do in scikit-learn; unknown labels are 0.
    """
    present = labels.observed & (labels.attributes == 1)
    absent = labels.observed & ~present
    half = labels.observed.sum(axis=0) / 2
    shares = [kind * half / np.maximum(kind.sum(axis=0), 1) for kind in (present, absent)]
    targets: NDArray[np.float64] = shares[0] - shares[1]
    return targets


def attribute_head(
    bits: NDArray[np.bool_], labels: TrueLabels, report: Report = unwatched
) -> LinearHead:
    """An SVM for each of p attributes on bits (N, k); its names are their numbers."""
    return _head(bits, attribute_targets(labels), report)


def category_head(bits: NDArray[np.bool_], labels: TrueLabels, categories: int) -> LinearHead:
    """An SVM for each of C categories against all others, on bits (N, k)."""
    known = labels.categories >= 0
    own = labels.categories[known, None] == np.arange(categories)
    return _head(bits[known], np.where(own, 1.0, -1.0))


def code_vectors(bits: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Codes as vectors (N, k) of length 1, as features are, so that C weighs the same for both."""
    length = np.float32(bits.shape[1] ** -0.5)
    return np.where(bits, length, -length)


def _head(
    bits: NDArray[np.bool_], targets: NDArray[np.float64], report: Report = unwatched
) -> LinearHead:
    weights = linear_svms(code_vectors(bits), targets, cost=CODE_COST, report=report)
    slopes = weights[:-1] / np.sqrt(bits.shape[1])  # of 2 b - 1, for a bit b of 0 or 1
    return LinearHead(
        tuple(map(str, range(targets.shape[1]))),
        (2 * slopes.T).astype(np.float32),
        (weights[-1] - slopes.sum(axis=0)).astype(np.float32),
    )
