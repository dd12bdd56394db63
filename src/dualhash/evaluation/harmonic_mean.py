"""How well each attribute is told: the harmonic mean of its true positive and negative rates.

Source: Liu et al. 2020, section 4.2.2. An image is told to have an attribute when p_j >= 0.5, the
test by which the combined search filters. Rates are over the images labelled for the attribute.
"""

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.bootstrap import Weights, mean_of_defined, weighted_means
from dualhash.evaluation.labels import Labels
from dualhash.evaluation.measured import Measured


def harmonic_means(
    probabilities: NDArray[np.floating],
    labels: Labels,
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
    told = probabilities >= 0.5
    positive = labels.observed & (labels.attributes == 1)
    negative = labels.observed & (labels.attributes == 0)
    tpr = weighted_means(np.where(positive, told, np.nan), weights)
    tnr = weighted_means(np.where(negative, ~told, np.nan), weights)
    both = tpr + tnr
    return np.divide(2 * tpr * tnr, both, out=np.where(both == 0, 0.0, np.nan), where=both > 0)


def average_harmonic_mean(
    probabilities: NDArray[np.floating],
    labels: Labels,
    weights: Weights,
) -> Measured:
    """The mean of the harmonic means over attributes.

    Denominator: attributes with both a positive and a negative label; the others are counted.
    """
    means = harmonic_means(probabilities, labels, weights)
    valid = int((~np.isnan(means[0])).sum())
    return Measured(
        figures={"avg_hm": mean_of_defined(means)},
        counts={"hm_attributes": valid, "hm_attributes_left_out": means.shape[1] - valid},
    )
