"""How well each attribute is told: the harmonic mean of its true positive and negative rates.

Source: Liu et al. 2020, section 4.2.2. An image is told to have an attribute when p_j >= 0.5, the
test by which the combined search filters. Rates are over the images labelled for the attribute.
"""

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.bootstrap import Weights, mean_of_defined, weighted_means
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.true_labels import TrueLabels


def harmonic_means(
    probabilities: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
) -> NDArray[np.float64]:
    """2 TPR TNR / (TPR + TNR) of each attribute under each column of weights.

    Args:
        probabilities: (N, p) in [0, 1].
        labels: Of the N images; unknown ones take no part.
        weights: (N, 1 + B).

    Returns:
        (1 + B, p) in [0, 1]; 0 where both rates are 0, NaN for an attribute without a positive
        or without a negative.
    """
    return _harmonic(*rates(probabilities, labels, weights)[:2])


def rates(
    probabilities: NDArray[np.floating], labels: TrueLabels, weights: Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """TPR, TNR and precision of each attribute, as `harmonic_means` has them.

    Precision is the share of those that have the attribute among those told to have it; NaN where
    none is told to.
    """
    told = probabilities >= 0.5
    positive = labels.observed & (labels.attributes == 1)
    negative = labels.observed & (labels.attributes == 0)
    return (
        weighted_means(np.where(positive, told, np.nan), weights),
        weighted_means(np.where(negative, ~told, np.nan), weights),
        weighted_means(np.where(labels.observed & told, positive, np.nan), weights),
    )


def average_harmonic_mean(
    probabilities: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
) -> Measurements:
    """The mean of the harmonic means over attributes, and those of what they are made of.

    Denominator: attributes with both a positive and a negative label; the others are counted. That
    of precision: attributes that some labelled image is told to have.
    """
    tpr, tnr, precision = rates(probabilities, labels, weights)
    means = _harmonic(tpr, tnr)
    judged = ~np.isnan(means)
    valid = int(judged[0].sum())
    return Measurements(
        figures={
            "avg_hm": mean_of_defined(means),
            "avg_tpr": mean_of_defined(np.where(judged, tpr, np.nan)),
            "avg_tnr": mean_of_defined(np.where(judged, tnr, np.nan)),
            "avg_precision": mean_of_defined(precision),
        },
        counts={"hm_attributes": valid, "hm_attributes_left_out": means.shape[1] - valid},
    )


def _harmonic(tpr: NDArray[np.float64], tnr: NDArray[np.float64]) -> NDArray[np.float64]:
    both = tpr + tnr
    return np.divide(2 * tpr * tnr, both, out=np.where(both == 0, 0.0, np.nan), where=both > 0)
