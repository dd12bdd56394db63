"""How far the probabilities and thresholds that users see hold on test images."""

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import sigmoid
from dualhash.codes.model import Model
from dualhash.evaluation.bootstrap import Weights, mean_of_defined, weighted_means
from dualhash.evaluation.calibration import (
    ReliabilityDiagrams,
    attribute_reliability,
    calibration_errors,
    category_confidence,
    category_reliability,
)
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.true_labels import TrueLabels

PRECISION = 0.9
"""The wanted precision whose filters are measured."""


def evaluate_calibration(
    model: Model, bits: NDArray[np.bool_], labels: TrueLabels, weights: Weights
) -> tuple[Measurements, ReliabilityDiagrams]:
    """Measures the calibrated heads, the heads as trained, and filters with a wanted precision.

    The figures are `category_ece` and `attribute_ece`, of all attributes together; the same with
    `_as_trained`; and `precision_at_90`: the share of the images above the threshold for a
    precision of 0.9 that are right, mean over the attributes that reach it.

    Args:
        model: Has the heads and thresholds.
        bits: (N, k), codes of test images.
        labels: True labels of the N images.
        weights: (N, 1 + B).
    """
    known = (labels.categories >= 0)[:, None]
    present = labels.attributes == 1
    figures: dict[str, NDArray[np.float64]] = {}
    for suffix, category_head, attribute_head in (
        ("", model.calibrated_category_head, model.calibrated_attribute_head),
        ("_as_trained", model.category_head, model.attribute_head),
    ):
        confidence, right = category_confidence(category_head.scores(bits), labels.categories)
        figures |= {
            f"category_ece{suffix}": calibration_errors(
                confidence[:, None], right[:, None], known & bool(category_head.names), weights
            ),
            f"attribute_ece{suffix}": calibration_errors(
                attribute_head.probabilities(bits), present, labels.observed, weights
            ),
        }
    names = model.card.attribute_names
    probabilities = sigmoid(model.calibrated_attribute_head.scores(bits))
    thresholds = [model.card.calibration.thresholds.get(name) for name in names]
    limits = np.array(
        [each and each.present.reaching(PRECISION) for each in thresholds], np.float64
    )
    passing = labels.observed & (probabilities >= limits)
    precisions = weighted_means(np.where(passing, present, np.nan), weights)
    figures["precision_at_90"] = mean_of_defined(precisions)
    diagrams = ReliabilityDiagrams(
        category=category_reliability(model.calibrated_category_head.scores(bits), labels),
        all_attributes=attribute_reliability(probabilities, labels),
        attributes={
            name: diagram
            for j, name in enumerate(names)
            if (diagram := attribute_reliability(probabilities[:, [j]], _only(labels, j)))
        },
    )
    reached = int((~np.isnan(limits)).sum())
    return Measurements(figures, {"attributes_reaching_90": reached}), diagrams


def _only(labels: TrueLabels, attribute: int) -> TrueLabels:
    return TrueLabels(
        labels.categories, labels.attributes[:, [attribute]], labels.observed[:, [attribute]]
    )
