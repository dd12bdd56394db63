"""All figures of a set of codes, from any source."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.evaluation.bootstrap import RESAMPLES, mean_of_defined, query_weights
from dualhash.evaluation.category_retrieval import category_precisions
from dualhash.evaluation.distance_ranking import Codes
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.harmonic_mean import average_harmonic_mean
from dualhash.evaluation.protocols import DEFAULT_PROTOCOL, PROTOCOLS
from dualhash.evaluation.true_labels import TrueLabels

Progress = Callable[[str, float], None]
"""Called with the stage, such as "attribute", and the share of it that is done, in [0, 1]."""


def evaluate_codes(
    codes: Codes,
    probabilities: NDArray[np.floating],
    labels: TrueLabels,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    bootstrap: int = RESAMPLES,
    seed: int = 0,
    progress: Progress = lambda _stage, _share: None,
) -> Measurements:
    """Measures category, attribute and combined retrieval, and avg HM, leave-one-out.

    Args:
        codes: (N, k), bool bits, ranked by Hamming distance, or float32 reals, by Euclidean.
        probabilities: (N, p) in [0, 1], of each attribute.
        labels: True labels of the N images.
        protocol: A name in `PROTOCOLS`.
        bootstrap: Number of draws for the intervals; 0 for no intervals.
        seed: Seed of the draws.
        progress: Called with the stage and the share of it that is done.

    Returns:
        Every figure with its draws, and the counts.

    Raises:
        DualhashError: The protocol is unknown, the number of draws is negative, or the shapes of
            the arrays do not fit.
    """
    rules = PROTOCOLS.find(protocol)
    if bootstrap < 0:
        raise DualhashError(f"The number of bootstrap draws must be 0 or more, not {bootstrap}.")
    images, attributes = labels.attributes.shape
    if len(codes) != images or probabilities.shape != (images, attributes):
        raise DualhashError(
            f"Labels of {images} images and {attributes} attributes do not fit {len(codes)} codes "
            f"and probabilities of shape {probabilities.shape}."
        )
    weights = query_weights(images, bootstrap, np.random.default_rng(seed))

    def stage(name: str) -> Callable[[float], None]:
        return lambda share: progress(name, share)

    return Measurements.merged(
        (
            rules.category(codes, labels.categories, weights, stage("category")),
            rules.attribute(probabilities, labels, weights, stage("attribute")),
            average_harmonic_mean(probabilities, labels, weights),
            rules.combined(codes, probabilities, labels, weights, stage("combined")),
        )
    )


def validation_figures(
    codes: Codes, probabilities: NDArray[np.floating], labels: TrueLabels
) -> tuple[float, float]:
    """Returns the two figures that training choices are based on: category mAP and avg HM.

    Both follow protocol ijcv2020.

    Args:
        codes: (N, k), bool bits or float32 reals.
        probabilities: (N, p) in [0, 1].
        labels: True labels of the N images.

    Returns:
        Both in [0, 1]; NaN if no query, or no attribute, can be evaluated.
    """
    weights = query_weights(len(codes), 0, np.random.default_rng(0))
    category_map = mean_of_defined(category_precisions(codes, labels.categories)[None])
    avg_hm = average_harmonic_mean(probabilities, labels, weights).figures["avg_hm"]
    return float(category_map[0]), float(avg_hm[0])
