"""How well attributes are predicted: the harmonic mean of true positive and true negative rate.

Source: Liu et al. 2020, section 4.2.2. An image is predicted to have an attribute if p_j >= 0.5, as
in the filter of combined searches. Rates are over the images with a label of the attribute.
"""

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.bootstrap import Weights, mean_of_defined, weighted_means
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.true_labels import TrueLabels


def rates(
    probabilities: NDArray[np.floating], labels: TrueLabels, weights: Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Returns TPR, TNR and precision of each attribute for each column of weights.

    Args:
        probabilities: (N, p) in [0, 1].
        labels: True labels of the N images; missing ones are ignored.
        weights: (N, 1 + B).

    Returns:
        Three arrays (1 + B, p) in [0, 1]. TPR is NaN for an attribute without a positive image, TNR
        for one without a negative image. Precision is the share of images with the attribute among
        those predicted to have it; NaN if none is.
    """
    predicted = probabilities >= 0.5
    positive = labels.observed & (labels.attributes == 1)
    negative = labels.observed & (labels.attributes == 0)
    return (
        weighted_means(np.where(positive, predicted, np.nan), weights),
        weighted_means(np.where(negative, ~predicted, np.nan), weights),
        weighted_means(np.where(labels.observed & predicted, positive, np.nan), weights),
    )


def average_harmonic_mean(
    probabilities: NDArray[np.floating], labels: TrueLabels, weights: Weights
) -> Measurements:
    """Returns the mean over attributes of the harmonic means, of TPR, of TNR and of precision.

    Denominator: attributes with both a positive and a negative label; the others are counted. For
    precision: attributes that some labelled image is predicted to have.
    """
    tpr, tnr, precision = rates(probabilities, labels, weights)
    both = tpr + tnr
    undefined = np.where(both == 0, 0.0, np.nan)  # 0 if both rates are 0
    means = np.divide(2 * tpr * tnr, both, out=undefined, where=both > 0)
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
