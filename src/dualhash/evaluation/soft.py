"""How much probabilities should weigh against bits in soft searches, found on validation images.

A soft search ranks by d - T log p: the Hamming distance from the query, and how probable the wanted
attribute is (Liu et al. 2020 name such a ranking as future work in section 5). It is judged as
combined retrieval is (protocol ijcv2020): relevant are other images of the query's category that
have the attribute by their label.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.combined import CUTOFFS, NOT_ASKED, relevant_counts
from dualhash.evaluation.labels import Labels

WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""The values of T that are tried; at 0 a wish would change nothing."""

FEWEST_QUERIES = 30
"""From fewer questions nothing is chosen."""

MOST_QUERIES = 500
"""For each attribute at most so many images are asked, evenly spread."""


def choose_soft(bits: NDArray[np.bool_], scores: NDArray[np.floating], labels: Labels) -> float:
    """The weight T of `WEIGHTS` with the largest recall, the smallest of several.

    Args:
        bits: (N, k) bool, codes of validation images, never of test images.
        scores: (N, p), of the attributes from these codes; probabilities are their sigmoids.
        labels: Of the N images.

    Returns:
        T; NaN where fewer than `FEWEST_QUERIES` pairs of an image with both kinds of label and a
        wanted attribute have something relevant, or all T find the same.
    """
    known = labels.observed & (labels.categories >= 0)[:, None]
    wanted = np.where(known, 1, NOT_ASKED).astype(np.int8)
    if (relevant_counts(labels._replace(observed=known), wanted) > 0).sum() < FEWEST_QUERIES:
        return float("nan")
    recalls = soft_recalls(bits, scores, labels, WEIGHTS)
    if recalls.min() == recalls.max():
        return float("nan")
    return WEIGHTS[int(np.argmax(recalls))]


def soft_recalls(
    bits: NDArray[np.bool_],
    scores: NDArray[np.floating],
    labels: Labels,
    weights: Sequence[float],
) -> NDArray[np.float64]:
    """Mean recall of soft searches for each wanted attribute, (len(weights),), in [0, 1].

    It is the mean over `CUTOFFS` of recall@k, over queries with something relevant, then over
    attributes that have such queries; ties come in the order of images. Images without a category
    or without the label of an attribute take no part for it.

    Args:
        bits: (N, k) bool.
        scores: (N, p), of the attributes.
        labels: Of the N images.
        weights: Values of T.
    """
    labels = labels._replace(observed=labels.observed & (labels.categories >= 0)[:, None])
    wanted = np.where(labels.observed, 1, NOT_ASKED).astype(np.int8)
    relevant = relevant_counts(labels, wanted)
    improbable = np.logaddexp(0, -np.asarray(scores, np.float64))
    found = []
    for attribute in np.flatnonzero((relevant > 0).any(axis=0)):
        among = np.flatnonzero(labels.observed[:, attribute])
        asked = np.flatnonzero(relevant[among, attribute] > 0)
        asked = asked[:: -(-len(asked) // MOST_QUERIES)]
        categories = labels.categories[among]
        hits = (categories == categories[asked, None]) & (labels.attributes[among, attribute] == 1)
        distances = _distances(bits[among], asked)
        distances[np.arange(len(asked)), asked] = np.inf
        found.append(
            [_recall(distances + weight * improbable[among, attribute], hits) for weight in weights]
        )
    if not found:
        return np.full(len(weights), np.nan)
    recalls: NDArray[np.float64] = np.mean(found, axis=0)
    return recalls


def _distances(bits: NDArray[np.bool_], asked: NDArray[np.int64]) -> NDArray[np.float64]:
    """Hamming distances (Q, n) from the images asked to all n."""
    signs = 2 * bits.astype(np.float32) - 1
    distances: NDArray[np.float64] = (bits.shape[1] - signs[asked] @ signs.T).astype(np.float64) / 2
    return distances


def _recall(costs: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """Mean over queries (Q, n) and cutoffs; a query itself has an infinite cost and is no hit."""
    hits = hits & np.isfinite(costs)
    kept = min(CUTOFFS[-1], costs.shape[1])
    order = np.argsort(costs, axis=1, kind="stable")[:, :kept]
    reached = np.take_along_axis(hits, order, axis=1).cumsum(axis=1)
    columns = np.minimum(CUTOFFS, kept) - 1
    return float((reached[:, columns] / hits.sum(axis=1, keepdims=True)).mean())
