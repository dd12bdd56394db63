"""Calibration: how close predicted probabilities are to the shares of images that they predict.

Source: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017,
section 2, with bins of equal mass (Nixon et al., "Measuring Calibration in Deep Learning", 2019).

The n predictions are sorted by probability and divided into `BINS` bins of equal size. In bin b,
p_b is the mean probability and y_b the share of predictions that are right. The reliability diagram
shows y_b against p_b; the expected calibration error (ECE) is sum_b n_b / n |p_b - y_b|, in [0, 1].
Equal probabilities count with their mean outcome, so the order of images has no influence.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dualhash.evaluation.bootstrap import Weights, divide
from dualhash.evaluation.true_labels import TrueLabels

BINS = 15


class Reliability(BaseModel):
    """The points of a reliability diagram, by ascending probability.

    Attributes:
        error: The expected calibration error, in [0, 1].
        probability: Mean predicted probability in each bin.
        share: Share of the predictions in the bin that are right.
        count: Number of predictions in the bin.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: float
    probability: tuple[float, ...]
    share: tuple[float, ...]
    count: tuple[int, ...]


class ReliabilityDiagrams(BaseModel):
    """The diagrams of the calibrated heads, None where no label is known.

    Attributes:
        category: Of the most probable category of each image.
        all_attributes: Of all attributes together.
        attributes: Of each attribute, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: Reliability | None
    all_attributes: Reliability | None
    attributes: dict[str, Reliability]


def reliability(
    probabilities: NDArray[np.floating], outcomes: NDArray[np.bool_] | NDArray[np.integer]
) -> Reliability | None:
    """Returns the reliability diagram of n predictions; None if there are none.

    Args:
        probabilities: (n,) in [0, 1].
        outcomes: (n,), 1 if what was predicted with this probability is so, else 0.
    """
    if not len(probabilities):
        return None
    bins, means = _bins(probabilities, outcomes)
    counts = np.bincount(bins)
    shares = np.bincount(bins, means) / counts
    predicted = np.bincount(bins, probabilities) / counts
    return Reliability(
        error=float(counts @ np.abs(predicted - shares) / len(bins)),
        probability=tuple(predicted.tolist()),
        share=tuple(shares.tolist()),
        count=tuple(counts.tolist()),
    )


def attribute_reliability(
    probabilities: NDArray[np.floating], labels: TrueLabels
) -> Reliability | None:
    """Returns the reliability diagram of all labelled attributes together.

    Args:
        probabilities: (N, p) in [0, 1]; p may be one attribute with its labels.
        labels: True labels of the N images.
    """
    seen = labels.observed
    return reliability(probabilities[seen], labels.attributes[seen] == 1)


def category_reliability(scores: NDArray[np.floating], labels: TrueLabels) -> Reliability | None:
    """Returns the reliability diagram of the most probable category of each labelled image.

    Args:
        scores: (N, C); probabilities are their softmax.
        labels: True labels of the N images.
    """
    known = labels.categories >= 0
    confidence, right = category_confidence(scores[known], labels.categories[known])
    return reliability(confidence, right)


def category_confidence(
    scores: NDArray[np.floating], categories: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Returns the probability of the most probable category (n,), and whether it is right (n,).

    Args:
        scores: (n, C).
        categories: (n,), true; a missing one is never right.
    """
    if not scores.size:
        return np.zeros(len(scores)), np.zeros(len(scores), np.bool_)
    relative = np.exp(scores - scores.max(axis=1, keepdims=True), dtype=np.float64)
    return 1 / relative.sum(axis=1), scores.argmax(axis=1) == categories


def calibration_errors(
    probabilities: NDArray[np.floating],
    outcomes: NDArray[np.bool_] | NDArray[np.integer],
    observed: NDArray[np.bool_],
    weights: Weights,
) -> NDArray[np.float64]:
    """Returns the expected calibration error of all predictions together, (1 + B,).

    The bins are those of the images as they are, and the same in all draws. In a draw, noise makes
    the error larger, so its interval lies too high.

    Args:
        probabilities: (N, m) in [0, 1].
        outcomes: (N, m).
        observed: (N, m), which predictions can be judged. The denominator is their number.
        weights: (N, 1 + B).
    """
    images, columns = np.nonzero(observed)
    if not len(images):
        return np.full(weights.shape[1], np.nan)
    p = probabilities[images, columns].astype(np.float64)
    bins, means = _bins(p, outcomes[images, columns])
    differences = np.zeros((len(observed), BINS))
    np.add.at(differences, (images, bins), p - means)
    drawn = weights.T.astype(np.float64)
    return divide(np.abs(drawn @ differences).sum(axis=1), drawn @ observed.sum(axis=1))


def _bins(
    probabilities: NDArray[np.floating], outcomes: NDArray[np.generic]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the bin of each of n predictions, and the mean outcome of its equals."""
    n = len(probabilities)
    _, which, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
    bins = np.empty(n, np.int64)
    bins[np.argsort(which, kind="stable")] = np.arange(n) * min(BINS, n) // n
    return bins, (np.bincount(which, outcomes.astype(np.float64)) / counts)[which]
