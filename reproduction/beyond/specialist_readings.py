"""What methods that consist of several models know about images, and how good it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from dualhash.codes.linear_head import sigmoid
from dualhash.codes.model import Model
from dualhash.codes.packing import quantise
from dualhash.evaluation import posterior_retrieval
from dualhash.evaluation.bootstrap import query_weights
from dualhash.evaluation.distance_ranking import Codes
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.training.calibrate import fit_attribute, fit_categories
from reproduction.beyond.plans import MULTIPLE_MODEL
from reproduction.measure_cell import Outputs, Progress, measure
from reproduction.method_outputs import (
    ATTRIBUTE_MODEL,
    CATEGORY_MODEL,
    class_bits,
    encoded_outputs,
)


@dataclass(frozen=True, eq=False)
class Readings:
    """What a method knows about N images.

    Attributes:
        codes: (N, k), what images are ranked by.
        predicted: (N, p) in [0, 1], what the paper's filter takes.
        bits: (N, m) bool, whose Hamming distance counts in a ranking by posterior; equal
            for all images if none does.
        category_scores: (N, C), whose softmax, scaled and shifted, gives the probabilities.
        attribute_scores: (N, p), whose sigmoid, likewise, gives those of attributes.
    """

    codes: Codes
    predicted: NDArray[np.floating]
    bits: NDArray[np.bool_]
    category_scores: NDArray[np.floating]
    attribute_scores: NDArray[np.floating]


def read_together(
    method: str, models: Mapping[str, Model], images: Sequence[Path], progress: Progress
) -> Readings:
    """Returns the readings of SSDH and CNN-attribute together.

    Multiple-model stores SSDH's bits and a bit for each attribute, and reads both heads from bits.
    Class id + attributes stores the predicted class and attributes; for its posterior it is given
    the real-valued probabilities of both.

    Args:
        method: Of the cell.
        models: By method.
        images: N images.
        progress: Called with the stage and the share of it that is done.
    """

    def encode(model: Model) -> NDArray[np.float32]:
        return encoded_outputs(model, images, lambda done, total: progress("encode", done / total))

    ssdh, attribute = models[CATEGORY_MODEL], models[ATTRIBUTE_MODEL]
    outputs, reals = encode(ssdh), encode(attribute)
    probabilities = attribute.attribute_probabilities(reals)
    predicted = (probabilities >= 0.5).astype(np.float64)
    if method == MULTIPLE_MODEL:
        bits = quantise(outputs)
        return Readings(
            bits,
            predicted,
            bits,
            ssdh.category_head.scores(bits),
            attribute.attribute_head.scores(quantise(reals)),
        )
    scores = ssdh.category_head.scores(outputs)
    codes = class_bits(scores.argmax(axis=1), scores.shape[1])
    return Readings(codes, predicted, codes, scores, logit(probabilities))


def measure_readings(
    test: Readings,
    labels: TrueLabels,
    validation: Readings,
    known: TrueLabels,
    *,
    resamples: int,
    progress: Progress,
) -> Measurements:
    """Measures all tasks, and combined searches by posterior.

    Calibration and the constants of the posterior come from validation images.

    Args:
        test: Of the N test images.
        labels: Their labels.
        validation: Of the validation images.
        known: Their labels.
        resamples: Bootstrap draws, the same in every cell.
        progress: Called with the stage and the share of it that is done.
    """
    seen = known.categories >= 0
    scale, shifts = fit_categories(validation.category_scores[seen], known.categories[seen])
    pairs = np.array(
        [
            fit_attribute(scores[observed], present[observed] == 1)
            for scores, present, observed in zip(
                validation.attribute_scores.T, known.attributes.T, known.observed.T, strict=True
            )
        ]
    ).reshape(-1, 2)

    def probabilities(
        readings: Readings,
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
        categories = softmax(scale * readings.category_scores.astype(np.float64) + shifts, axis=1)
        attributes = sigmoid(pairs[:, 0] * readings.attribute_scores + pairs[:, 1])
        return readings.bits, categories, attributes

    found = [
        measure(Outputs(test.codes, test.predicted), labels, resamples=resamples, progress=progress)
    ]
    posterior = posterior_retrieval.choose_posterior(
        *probabilities(validation), known, validation.predicted >= 0.5
    )
    if posterior is not None:
        weights = query_weights(len(test.codes), resamples, np.random.default_rng(0))
        found.append(
            posterior_retrieval.ijcv2020(
                *probabilities(test),
                labels,
                weights,
                posterior=posterior,
                progress=lambda share: progress("posterior", share),
            )
        )
    return Measurements.merged(found)


def logit(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns ln(p / (1 - p)); p is kept away from 0 and 1 by 1e-7."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    scores: NDArray[np.float64] = np.log(p) - np.log1p(-p)
    return scores
