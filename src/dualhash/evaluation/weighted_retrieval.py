"""Weighted searches: their recall, and how much probabilities should weigh in them against bits.

A weighted search ranks by d - T log p: d is the Hamming distance from the query and p the
probability of the wanted attribute (Liu et al. 2020 name such a ranking as future work in
section 5). T is the attribute weight. It is judged as combined retrieval is (protocol
ijcv2020): other images of the query's category with the attribute, by their labels, are relevant.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.bootstrap import Weights, mean_of_defined, weighted_means
from dualhash.evaluation.combined_retrieval import CUTOFFS, NOT_ASKED, relevant_counts
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.true_labels import TrueLabels

WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""The values of T that are tried; at 0 a wish would change nothing."""

FEWEST_QUERIES = 30
"""From fewer questions nothing is chosen."""

MOST_QUERIES = 500
"""For each attribute at most so many images are asked, evenly spread."""


def choose_attribute_weight(
    bits: NDArray[np.bool_], scores: NDArray[np.floating], labels: TrueLabels
) -> float:
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
    """Mean recall of weighted searches for each wanted attribute, (len(weights),), in [0, 1].

    It is the mean over `CUTOFFS` of recall@k, over queries with something relevant, then over
    attributes that have such queries; ties come in the order of images. Images without a category
    or without the label of an attribute take no part for it.

    Args:
        bits: (N, k) bool.
        scores: (N, p), of the attributes.
        labels: Of the N images.
        weights: Values of T.
    """
    improbable = np.logaddexp(0, -np.asarray(scores, np.float64))
    found = []
    for j, among, asked in _questions(labels):
        some = asked[:: -(-len(asked) // MOST_QUERIES)]
        question = _ask(bits, labels, j, among, some)
        found.append([question.recalls(weight * improbable[among, j]).mean() for weight in weights])
    if not found:
        return np.full(len(weights), np.nan)
    recalls: NDArray[np.float64] = np.mean(found, axis=0)
    return recalls


def ijcv2020(
    bits: NDArray[np.bool_],
    probabilities: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
    *,
    weight: float,
    progress: Callable[[float], None] = lambda _: None,
) -> Measurements:
    """Recalls of weighted searches where `combined.ijcv2020` has those of filtered ones.

    They are of the same queries and named `weighted_recall_at_...`; ties are ordered by image.

    Args:
        bits: (N, k) bool.
        probabilities: (N, p) of the attributes, in [0, 1].
        labels: Of the N images.
        weights: Of the queries, of each bootstrap draw.
        weight: T, not chosen on these images.
        progress: Called with the share done, in [0, 1].
    """
    with np.errstate(divide="ignore"):
        costs = -weight * np.log(np.asarray(probabilities, np.float64))
    recalls = np.full((*labels.attributes.shape, len(CUTOFFS)), np.nan)
    for j, among, asked in _questions(labels):
        for start in range(0, len(asked), MOST_QUERIES):
            some = asked[start : start + MOST_QUERIES]
            recalls[among[some], j] = _ask(bits, labels, j, among, some).recalls(costs[among, j])
        progress((j + 1) / recalls.shape[1])
    return Measurements(
        {
            f"weighted_recall_at_{cutoff}": mean_of_defined(
                weighted_means(recalls[:, :, c], weights)
            )
            for c, cutoff in enumerate(CUTOFFS)
        }
    )


def _questions(
    labels: TrueLabels,
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Each attribute that is asked for, the n images among which, and which of these ask."""
    labels = labels._replace(observed=labels.observed & (labels.categories >= 0)[:, None])
    wanted = np.where(labels.observed, 1, NOT_ASKED).astype(np.int8)
    relevant = relevant_counts(labels, wanted)
    for j in np.flatnonzero((relevant > 0).any(axis=0)):
        among = np.flatnonzero(labels.observed[:, j])
        yield int(j), among, np.flatnonzero(relevant[among, j] > 0)


class _Question(NamedTuple):
    """Queries for one attribute: distances (Q, n) to all images, and which are relevant (Q, n)."""

    distances: NDArray[np.float64]
    hits: NDArray[np.bool_]

    def recalls(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each query at each cutoff, (Q, len(CUTOFFS)), if images cost that much, (n,), more."""
        kept = min(CUTOFFS[-1], len(costs))
        order = np.argsort(self.distances + costs, axis=1, kind="stable")[:, :kept]
        reached = np.take_along_axis(self.hits, order, axis=1).cumsum(axis=1)
        columns = np.minimum(CUTOFFS, kept) - 1
        found: NDArray[np.float64] = reached[:, columns] / self.hits.sum(axis=1, keepdims=True)
        return found


def _ask(
    bits: NDArray[np.bool_],
    labels: TrueLabels,
    attribute: int,
    among: NDArray[np.int64],
    asked: NDArray[np.int64],
) -> _Question:
    """What the queries `asked` find among `among`; themselves after all others, as no hits."""
    signs, categories = 2 * bits[among].astype(np.float32) - 1, labels.categories[among]
    distances = (bits.shape[1] - signs[asked] @ signs.T).astype(np.float64) / 2
    hits = (categories == categories[asked, None]) & (labels.attributes[among, attribute] == 1)
    itself = np.arange(len(asked)), asked
    distances[itself], hits[itself] = np.nan, False
    return _Question(distances, hits)
