"""The figures of an evaluation for any arrays: numpy arrays in, floats out. Needs no torch.

Codes are bool bits (N, k), compared by Hamming distance, or reals, by Euclidean distance. Every
image is a query against all others. Ties count as the mean over all orders of the tied images.
Categories are integers (N,) and attributes integers (N, p), 1 present and 0 absent; negative ones
are missing. A figure is NaN if no query can be judged. `docs/evaluation.md` defines them.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dualhash.errors import DualhashError
from dualhash.evaluation import attribute_retrieval, combined_retrieval
from dualhash.evaluation.average_precision import harmonic_numbers, tie_precision
from dualhash.evaluation.bootstrap import mean_of_defined, query_weights
from dualhash.evaluation.category_retrieval import category_precisions
from dualhash.evaluation.distance_ranking import Codes
from dualhash.evaluation.harmonic_mean import average_harmonic_mean
from dualhash.evaluation.true_labels import TrueLabels

__all__ = [
    "attribute_map",
    "average_precision",
    "avg_hm",
    "category_map",
    "combined_recall",
    "recall",
]


def average_precision(scores: ArrayLike, relevant: ArrayLike) -> float:
    """Average precision of one ranking by descending score, in [0, 1].

    Source: McSherry and Najork, ECIR 2008, for ties.

    Args:
        scores: (N,); for distances, give their negatives.
        relevant: (N,) bool.

    >>> average_precision([0.9, 0.8, 0.7], [True, False, True])
    0.8333333333333333
    >>> average_precision([1, 1], [True, False])  # the mean of 1 and 1/2
    0.75
    """
    sizes, hits = _groups_of_ties(scores, relevant)
    harmonic = harmonic_numbers(int(sizes.sum()))
    ahead, found = np.cumsum(sizes) - sizes, np.cumsum(hits) - hits
    groups = zip(ahead.tolist(), found.tolist(), sizes.tolist(), hits.tolist(), strict=True)
    total = sum(tie_precision(*group, harmonic) for group in groups)
    return float(total / hits.sum()) if hits.any() else float("nan")


def recall(scores: ArrayLike, relevant: ArrayLike, k: int, *, capped: bool = False) -> float:
    """Share of the relevant items that are among the first k of a ranking, in [0, 1].

    Args:
        scores: (N,), higher is better.
        relevant: (N,) bool.
        k: At least 1.
        capped: Divide by the most hits that k items can hold: by k if more are relevant.

    >>> recall([0.9, 0.8, 0.7], [True, False, True], 1)
    0.5
    >>> recall([0.9, 0.8, 0.7], [True, False, True], 1, capped=True)
    1.0
    """
    sizes, hits = _groups_of_ties(scores, relevant)
    among_first = np.clip(k - (np.cumsum(sizes) - sizes), 0, sizes)
    most = min(k, hits.sum()) if capped else hits.sum()
    return float((hits * among_first / sizes).sum() / most) if most else float("nan")


def category_map(codes: Codes, categories: ArrayLike) -> float:
    """Mean average precision of ranking by distance; images of the same category are relevant.

    >>> codes = np.array([[0, 0], [0, 1], [1, 1]], bool)
    >>> category_map(codes, [0, 0, 1])  # the first finds its like first, the second ties
    0.875
    """
    labels = _labels(len(codes), categories=categories)
    return float(mean_of_defined(category_precisions(codes, labels.categories)[None])[0])


def attribute_map(probabilities: NDArray[np.floating], attributes: ArrayLike) -> float:
    """Mean average precision of searches by one, two or three attributes.

    Args:
        probabilities: (N, p), predicted, in [0, 1].
        attributes: (N, p), true.

    >>> attribute_map(np.array([[0.9], [0.8], [0.1], [0.2]]), [[1], [1], [0], [0]])
    1.0
    """
    labels = _labels(len(probabilities), attributes=attributes)
    return _figure(
        attribute_retrieval.ijcv2020(probabilities, labels, _once(labels)).figures["attribute_map"]
    )


def avg_hm(probabilities: NDArray[np.floating], attributes: ArrayLike) -> float:
    """Harmonic mean of true positive and true negative rate, averaged over attributes.

    Args:
        probabilities: (N, p); an attribute is predicted to be present from 0.5.
        attributes: (N, p), true.

    >>> avg_hm(np.array([[0.9], [0.3], [0.1]]), [[1], [1], [0]])  # rates of 1/2 and 1
    0.6666666666666666
    """
    labels = _labels(len(probabilities), attributes=attributes)
    return _figure(average_harmonic_mean(probabilities, labels, _once(labels)).figures["avg_hm"])


def combined_recall(
    codes: Codes,
    probabilities: NDArray[np.floating],
    categories: ArrayLike,
    attributes: ArrayLike,
    k: int,
    *,
    capped: bool = False,
) -> float:
    """Recall among the first k of searches for "this category, with that attribute".

    Images that are predicted to have the attribute are ranked by distance; those of the query's
    category that have it are relevant.

    Args:
        codes: (N, k) bits or reals.
        probabilities: (N, p), predicted, in [0, 1].
        categories: (N,), true.
        attributes: (N, p), true.
        k: At least 1.
        capped: As in `recall`.

    >>> codes = np.array([[0, 0], [0, 1], [1, 1]], bool)
    >>> combined_recall(codes, np.array([[0.9], [0.8], [0.7]]), [0, 0, 0], [[1], [1], [1]], 1)
    0.5
    """
    labels = _labels(len(codes), categories=categories, attributes=attributes)
    figures = combined_retrieval.ijcv2020(
        codes, probabilities, labels, _once(labels), cutoffs=(k,)
    ).figures
    return _figure(figures[f"combined_{'capped_' if capped else ''}recall_at_{k}"])


def _groups_of_ties(
    scores: ArrayLike, relevant: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sizes of the groups of equal scores, best first, and how many of each are relevant."""
    scores, relevant = np.asarray(scores), np.asarray(relevant, bool)
    if scores.shape != relevant.shape or scores.ndim != 1:
        raise DualhashError(
            f"Scores {scores.shape} and relevance {relevant.shape} must be one value per item."
        )
    _, group = np.unique(-scores, return_inverse=True)
    return np.bincount(group), np.bincount(group[relevant], minlength=group.max(initial=-1) + 1)


def _labels(
    images: int, *, categories: ArrayLike | None = None, attributes: ArrayLike | None = None
) -> TrueLabels:
    kinds = np.full(images, -1) if categories is None else np.asarray(categories, np.int64)
    values = np.empty((images, 0)) if attributes is None else np.asarray(attributes)
    if kinds.shape != (images,) or values.ndim != 2 or len(values) != images:
        raise DualhashError(
            f"Categories {kinds.shape} and attributes {values.shape} must have one row for each of "
            f"{images} images."
        )
    return TrueLabels(kinds, values.astype(np.int8), values >= 0)


def _once(labels: TrueLabels) -> NDArray[np.uint8]:
    """Every image is a query once."""
    return query_weights(len(labels.categories), 0, np.random.default_rng(0))


def _figure(draws: NDArray[np.float64]) -> float:
    return float(draws[0])
