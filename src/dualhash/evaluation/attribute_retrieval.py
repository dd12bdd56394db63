"""Attribute retrieval: mean average precision over all selections of one, two or three attributes.

For a selection, every image is a query against all others. The query's pattern is its own
prediction for each selected attribute. Images are ranked by the descending product over the
selected attributes of p_j where the pattern has 1, of 1 - p_j where it has 0. Images with the
query's true labels of all selected attributes are relevant. Images with a missing label of a
selected attribute are left out of that selection.
Source: Liu et al. 2020, sections 3.5 and 4.1, and compute_map_attribute.m of the released code.

A selection of m attributes has at most 2^m patterns, so at most 8 rankings serve all its queries
(`leave_one_out_precision`). Scores are float64 products in the order of the attributes, so equal
probabilities give exactly tied scores.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.average_precision import harmonic_numbers
from dualhash.evaluation.bootstrap import Weights, divide, mean_of_defined, weighted_sums
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.leave_one_out_precision import leave_one_out_precisions
from dualhash.evaluation.parallel import on_all_processors
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.jit import compiled

MOST_SELECTED = 3
SELECTIONS_PER_BLOCK = 64
"""Selections that one thread measures at a time."""

COUNTS = (
    "attribute_queries",
    "attribute_left_out_missing_label",
    "attribute_left_out_nothing_relevant",
    "attribute_selections",
    "attribute_selections_left_out",
)
"""Names of counts: pairs of a query and a selection, and selections, that took part or did not."""

Measures = tuple[NDArray[np.int64], NDArray[np.float64]]
"""The counts of some selections, in the order of `COUNTS`, and what a protocol measures of them."""

UNKNOWN = np.int8(-1)
"""A missing attribute label inside the compiled code."""

LEFT_OUT = -1
"""The combination of an image with a missing label of a selected attribute."""


def selections(attributes: int) -> NDArray[np.int64]:
    """Returns all selections of 1, 2 or 3 of `attributes`, (S, 3) int64, padded with -1."""
    chosen = [
        list(selection) + [-1] * (MOST_SELECTED - size)
        for size in range(1, MOST_SELECTED + 1)
        for selection in combinations(range(attributes), size)
    ]
    return np.array(chosen, dtype=np.int64).reshape(-1, MOST_SELECTED)


def selection_precisions(
    chosen: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    predicted: NDArray[np.bool_],
    labels: TrueLabels,
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Returns the average precision of every image as a query, for each of some selections.

    Args:
        chosen: (S, 3) rows of `selections`.
        probabilities: (N, p) in [0, 1].
        predicted: (N, p) bool, the pattern of each image as a query.
        labels: True labels of the N images.

    Returns:
        precisions, (S, N) float64, NaN if the image is left out or nothing is relevant;
        combinations, (S, N) int8, the query's true values as a binary number (first selected
        attribute lowest), `LEFT_OUT` if it is left out.
    """
    return _selection_precisions(
        chosen,
        np.ascontiguousarray(probabilities.T, dtype=np.float64),
        np.ascontiguousarray(predicted.T),
        np.ascontiguousarray(np.where(labels.observed, labels.attributes, UNKNOWN).T),
        harmonic_numbers(len(probabilities)),
    )


@compiled
def _selection_precisions(
    chosen: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    predicted: NDArray[np.bool_],
    attributes: NDArray[np.int8],
    harmonic: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    images = probabilities.shape[1]
    precisions = np.full((len(chosen), images), np.nan)
    combination = np.full((len(chosen), images), LEFT_OUT, np.int8)
    for s in range(len(chosen)):
        selection = chosen[s][chosen[s] >= 0]
        labelled = np.ones(images, np.bool_)
        for j in selection:
            labelled &= attributes[j] != UNKNOWN
        members = np.flatnonzero(labelled)
        truth = np.zeros(len(members), np.int8)
        pattern = np.zeros(len(members), np.int8)
        for bit, j in enumerate(selection):
            for m, image in enumerate(members):
                truth[m] |= attributes[j, image] << bit
                pattern[m] |= np.int8(predicted[j, image]) << bit
        combination[s, members] = truth
        for wanted in range(2 ** len(selection)):
            is_query = pattern == wanted
            if is_query.any():
                scores = np.ones(len(members))
                for bit, j in enumerate(selection):
                    for m, image in enumerate(members):
                        p = probabilities[j, image]
                        scores[m] *= p if wanted >> bit & 1 else 1.0 - p
                ranked = leave_one_out_precisions(
                    scores, truth, is_query, 2 ** len(selection), harmonic
                )
                precisions[s, members[is_query]] = ranked[is_query]
    return precisions, combination


def ijcv2020(
    probabilities: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
    progress: Callable[[float], None] = lambda _: None,
) -> Measurements:
    """Attribute mAP: mean over queries, over valid combinations, then over selections.

    For a selection and a combination of true values, it is the mean average precision of the
    queries with these values and at least one other image with them. Combinations and selections
    without such a query are left out of the means and counted. A query is predicted to have an
    attribute if p_j > 0.5.
    """

    def measure(precisions: NDArray[np.float64], combination: NDArray[np.int8]) -> Measures:
        means = _combination_means(precisions, combination, weights)
        return _counts(precisions, combination), means

    counts, means = _measure(probabilities, probabilities > 0.5, labels, measure, progress)
    per_selection = np.concatenate([np.empty((0, weights.shape[1])), *means])
    return Measurements({"attribute_map": mean_of_defined(per_selection.T)}, counts)


def cvpr2017(
    probabilities: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
    progress: Callable[[float], None] = lambda _: None,
) -> Measurements:
    """Attribute mAP as one mean over all queries and selections; nothing relevant scores 0.

    A query is predicted to have an attribute if p_j >= 0.5. The released code predicts from
    unquantised codes. It has no missing labels; here, images with missing labels are left out.
    """

    def measure(precisions: NDArray[np.float64], combination: NDArray[np.int8]) -> Measures:
        scored = np.where(combination == LEFT_OUT, np.nan, np.nan_to_num(precisions))
        sums = np.stack(weighted_sums(scored.T, weights)).sum(axis=2)
        return _counts(scored, combination), sums

    counts, sums = _measure(probabilities, probabilities >= 0.5, labels, measure, progress)
    scores, parts = np.sum([np.zeros((2, weights.shape[1])), *sums], axis=0)
    return Measurements({"attribute_map": divide(scores, parts)}, counts)


def _measure(
    probabilities: NDArray[np.floating],
    predicted: NDArray[np.bool_],
    labels: TrueLabels,
    measure: Callable[[NDArray[np.float64], NDArray[np.int8]], Measures],
    progress: Callable[[float], None],
) -> tuple[dict[str, int], list[NDArray[np.float64]]]:
    """Calls `measure` with the `selection_precisions` of all selections, block by block.

    Returns:
        The sums of `COUNTS`, and the other measures of each block.
    """
    chosen = selections(probabilities.shape[1])
    blocks = [
        chosen[start : start + SELECTIONS_PER_BLOCK]
        for start in range(0, len(chosen), SELECTIONS_PER_BLOCK)
    ]

    def work(block: NDArray[np.int64]) -> Measures:
        return measure(*selection_precisions(block, probabilities, predicted, labels))

    counts, measures, done = np.zeros(len(COUNTS), np.int64), [], 0
    for block, (of_block, measured) in zip(blocks, on_all_processors(work, blocks), strict=True):
        counts += of_block
        measures.append(measured)
        done += len(block)
        progress(done / len(chosen))
    return dict(zip(COUNTS, counts.tolist(), strict=True)), measures


def _counts(precisions: NDArray[np.float64], combination: NDArray[np.int8]) -> NDArray[np.int64]:
    """Returns the counts of some selections, in the order of `COUNTS`."""
    valid, missing = ~np.isnan(precisions), combination == LEFT_OUT
    has_query = valid.any(axis=1)
    kinds = (valid, missing, ~valid & ~missing, has_query, ~has_query)
    return np.array([kind.sum() for kind in kinds], dtype=np.int64)


@compiled
def _combination_means(
    precisions: NDArray[np.float64], combination: NDArray[np.int8], weights: Weights
) -> NDArray[np.float64]:
    """Mean over valid combinations of the weighted means over their queries, (S, 1 + B)."""
    means = np.full((len(precisions), weights.shape[1]), np.nan)
    for s in range(len(precisions)):
        sums = np.zeros((2**MOST_SELECTED, weights.shape[1]))
        parts = np.zeros((2**MOST_SELECTED, weights.shape[1]), np.int64)
        for image in range(len(weights)):
            precision, v = precisions[s, image], combination[s, image]
            if not np.isnan(precision):
                for b in range(weights.shape[1]):
                    sums[v, b] += precision * weights[image, b]
                    parts[v, b] += weights[image, b]
        for b in range(weights.shape[1]):
            total, valid = 0.0, 0
            for v in range(2**MOST_SELECTED):
                if parts[v, b]:
                    total += sums[v, b] / parts[v, b]
                    valid += 1
            if valid:
                means[s, b] = total / valid
    return means
