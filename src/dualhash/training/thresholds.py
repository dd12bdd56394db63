"""The thresholds of attributes, chosen on validation images."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.calibration import AttributeThresholds, PrecisionCurve
from dualhash.evaluation.true_labels import TrueLabels

PRECISIONS = (*np.arange(0.05, 0.96, 0.05).round(2).tolist(), 0.98)
"""Precisions of the points of a curve; its last point has the largest that is reached."""

FEWEST = 10
"""Fewer validation images above a threshold say too little about its precision."""


def attribute_thresholds(
    names: Sequence[str],
    probabilities: NDArray[np.floating],
    labels: TrueLabels,
    usual: NDArray[np.floating],
) -> dict[str, AttributeThresholds]:
    """Returns the thresholds of each attribute.

    Args:
        names: Of the p attributes.
        probabilities: (N, p), calibrated, of validation images.
        labels: Their true labels; images without a label of an attribute do not count for it.
        usual: (p,), balanced thresholds of attributes without a present or without an absent label.
    """
    found = {}
    for j, name in enumerate(names):
        seen = labels.observed[:, j]
        p, present = probabilities[seen, j].astype(np.float64), labels.attributes[seen, j] == 1
        found[name] = AttributeThresholds(
            balanced=balanced_threshold(p, present, float(usual[j])),
            present=precision_curve(p, present),
            absent=precision_curve(1 - p, ~present),
        )
    return found


def balanced_threshold(
    probabilities: NDArray[np.float64], present: NDArray[np.bool_], usual: float
) -> float:
    """Returns the threshold at which true positive and true negative rate differ least.

    It is the middle between two probabilities; of several, the lowest.

    Args:
        probabilities: (n,) in [0, 1].
        present: (n,), labels.
        usual: What is returned if one of the rates is not defined, or all probabilities are equal.
    """
    values, which = np.unique(probabilities, return_inverse=True)
    if len(values) < 2 or present.all() or not present.any():
        return usual
    false_negative, true_negative = (
        np.bincount(which[kind], minlength=len(values)).cumsum() / kind.sum()
        for kind in (present, ~present)
    )
    least = int(np.abs(1 - false_negative - true_negative)[:-1].argmin())
    return float(values[least : least + 2].mean())


def precision_curve(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> PrecisionCurve:
    """Returns for each of `PRECISIONS` the lowest threshold that reaches it, if one does.

    A threshold is the middle between two probabilities. Precision is the share of the images above
    it that are right, recall the share of the right images that are above it. At least `FEWEST`
    images must be above it.

    Args:
        probabilities: (n,) in [0, 1].
        right: (n,), whether what was predicted with this probability is so.
    """
    if len(right) < FEWEST or not right.any():
        return PrecisionCurve()
    order = np.argsort(-probabilities, kind="stable")
    values, hits = probabilities[order], right[order].cumsum()
    below = np.append(values[1:], values[-1])
    last_of_ties = np.append(values[1:] < values[:-1], True)
    usable = np.flatnonzero(last_of_ties[FEWEST - 1 :]) + FEWEST - 1
    precision, recall = hits[usable] / (usable + 1), hits[usable] / hits[-1]
    points: list[int] = []
    for target in (*PRECISIONS, precision.max()):
        reached = np.flatnonzero(precision >= target)
        if len(reached) and (not points or reached[-1] < points[-1]):
            points.append(int(reached[-1]))
    middles = (values + below) / 2
    return PrecisionCurve(
        precision=tuple(precision[points].round(4).tolist()),
        threshold=tuple(middles[usable[points]].tolist()),
        recall=tuple(recall[points].round(4).tolist()),
    )
