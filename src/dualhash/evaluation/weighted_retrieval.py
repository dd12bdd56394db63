"""Weighted searches: their recall, and the choice of the attribute weight.

A weighted search ranks by d - T log p: d is the Hamming distance from the query, p the probability
of the wanted attribute and T the attribute weight (Liu et al. 2020 name such a ranking as future
work in section 5). It is evaluated like combined retrieval (protocol ijcv2020): other images of the
query's category with the attribute, by their labels, are relevant.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.bootstrap import Weights, mean_of_defined, weighted_means
from dualhash.evaluation.combined_retrieval import (
    CUTOFFS,
    NO_QUERY,
    relevant_counts,
    with_categories,
)
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.true_labels import TrueLabels

WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""The values of T that are tried."""

FEWEST_QUERIES = 30
"""With fewer queries, no weight is chosen."""

MOST_QUERIES = 500
"""The most queries for each attribute, evenly spread over the images."""


def choose_attribute_weight(
    bits: NDArray[np.bool_], scores: NDArray[np.floating], labels: TrueLabels
) -> float:
    """Returns the weight T of `WEIGHTS` with the largest recall, the smallest if several have it.

    Args:
        bits: (N, k) bool, codes of validation images, never of test images.
        scores: (N, p), attribute scores of these codes; probabilities are their sigmoids.
        labels: True labels of the N images.

    Returns:
        T; NaN if fewer than `FEWEST_QUERIES` pairs of a query and a wanted attribute have something
        relevant, or if all T have the same recall.
    """
    if sum(len(queries) for _, _, queries in _queries(labels)) < FEWEST_QUERIES:
        return float("nan")
    recalls = weighted_recalls(bits, scores, labels, WEIGHTS)
    if recalls.min() == recalls.max():
        return float("nan")
    return WEIGHTS[int(np.argmax(recalls))]


def weighted_recalls(
    bits: NDArray[np.bool_],
    scores: NDArray[np.floating],
    labels: TrueLabels,
    weights: Sequence[float],
) -> NDArray[np.float64]:
    """Returns the mean recall of weighted searches for each T, (len(weights),), in [0, 1].

    It is the mean over `CUTOFFS` of recall@k, over queries with something relevant, then over
    attributes with such queries. Ties are ordered by image. Images without a category or with a
    missing label of an attribute are left out for this attribute.

    Args:
        bits: (N, k) bool.
        scores: (N, p), attribute scores.
        labels: True labels of the N images.
        weights: Values of T.
    """
    item_costs = np.logaddexp(0, -np.asarray(scores, np.float64))
    per_attribute = []
    for j, gallery, queries in _queries(labels):
        spread = queries[:: -(-len(queries) // MOST_QUERIES)]
        costs = np.outer(weights, item_costs[gallery, j])
        recalls = _recalls(bits, labels, j, gallery, spread, costs=costs)
        per_attribute.append(recalls.mean(axis=(1, 2)))
    if not per_attribute:
        return np.full(len(weights), np.nan)
    means: NDArray[np.float64] = np.mean(per_attribute, axis=0)
    return means


def ijcv2020(
    bits: NDArray[np.bool_],
    probabilities: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
    *,
    weight: float,
    progress: Callable[[float], None] = lambda _: None,
) -> Measurements:
    """Recalls of weighted searches, for the same queries as `combined_retrieval.ijcv2020`.

    They are named `weighted_recall_at_...`; ties are ordered by image.

    Args:
        bits: (N, k) bool.
        probabilities: (N, p) of the attributes, in [0, 1].
        labels: True labels of the N images.
        weights: (N, 1 + B), of the queries.
        weight: T, not chosen on these images.
        progress: Called with the share done, in [0, 1].
    """
    with np.errstate(divide="ignore"):
        costs = -weight * np.log(np.asarray(probabilities, np.float64))
    recalls = np.full((*labels.attributes.shape, len(CUTOFFS)), np.nan)
    for j, gallery, queries in _queries(labels):
        for start in range(0, len(queries), MOST_QUERIES):
            block = queries[start : start + MOST_QUERIES]
            (found,) = _recalls(bits, labels, j, gallery, block, costs=costs[None, gallery, j])
            recalls[gallery[block], j] = found
        progress((j + 1) / recalls.shape[1])
    return Measurements(
        {
            f"weighted_recall_at_{cutoff}": mean_of_defined(
                weighted_means(recalls[:, :, c], weights)
            )
            for c, cutoff in enumerate(CUTOFFS)
        }
    )


def _queries(labels: TrueLabels) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Yields each attribute with queries, its gallery (n,), and the rows of the queries in it."""
    labels = with_categories(labels)
    wanted = np.where(labels.observed, 1, NO_QUERY).astype(np.int8)
    is_query = relevant_counts(labels, wanted) > 0
    for j in np.flatnonzero(is_query.any(axis=0)):
        gallery = np.flatnonzero(labels.observed[:, j])
        yield int(j), gallery, np.flatnonzero(is_query[gallery, j])


def _recalls(
    bits: NDArray[np.bool_],
    labels: TrueLabels,
    attribute: int,
    gallery: NDArray[np.int64],
    queries: NDArray[np.int64],
    *,
    costs: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Returns the recalls of rankings by distance plus cost, (R, Q, len(CUTOFFS)).

    Args:
        bits: (N, k) bool.
        labels: True labels of the N images.
        attribute: The wanted attribute.
        gallery: (n,), the images that are ranked.
        queries: (Q,), rows of the gallery. A query is ranked last in its own ranking.
        costs: (R, n), the costs of the gallery in each of R rankings.
    """
    signs, categories = 2 * bits[gallery].astype(np.float32) - 1, labels.categories[gallery]
    distances = (bits.shape[1] - signs[queries] @ signs.T).astype(np.float64) / 2
    present = labels.attributes[gallery, attribute] == 1
    relevant = (categories == categories[queries, None]) & present
    itself = np.arange(len(queries)), queries
    distances[itself], relevant[itself] = np.nan, False
    kept = min(CUTOFFS[-1], len(gallery))
    recalls = np.empty((len(costs), len(queries), len(CUTOFFS)))
    for ranking, cost in enumerate(costs):
        order = np.argsort(distances + cost, axis=1, kind="stable")[:, :kept]
        hits = np.take_along_axis(relevant, order, axis=1).cumsum(axis=1)
        hits = hits[:, np.minimum(CUTOFFS, kept) - 1]
        recalls[ranking] = hits / relevant.sum(axis=1, keepdims=True)
    return recalls
