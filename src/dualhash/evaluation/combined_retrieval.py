"""Combined retrieval: recall at k for "this category, with that attribute", leave-one-out.

For a query and a wanted attribute j, the gallery is filtered by the predicted attribute and ranked
by ascending distance. recall@k is the share of the relevant images among the first k; capped
recall@k divides by min(k, relevant) instead, the most hits that k results can hold. Both are exact
expectations over orders of ties: in the group that crosses rank k, each image is equally likely to
come first. Images without a category or with a missing label of j are left out for j.
Source: Liu et al. 2020, sections 3.5 and 4.1, and compute_recall_combined.m of the released code.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.bootstrap import (
    Weights,
    divide,
    mean_of_defined,
    weighted_means,
    weighted_sums,
)
from dualhash.evaluation.distance_ranking import Codes, DistanceRankings, measure_rankings
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.jit import compiled

CUTOFFS = (5, 10, 20, 50, 75, 100)

NO_QUERY = -1
"""In place of a wanted value: the image is no query for this attribute."""


@compiled
def _expected_hits(
    rankings: DistanceRankings,
    labels: TrueLabels,
    wanted: NDArray[np.int8],
    kept: NDArray[np.bool_],
    cutoffs: NDArray[np.int64],
) -> NDArray[np.float64]:
    rows, distances, order = rankings
    categories, attributes, _ = labels
    images, attribute_count = attributes.shape
    hits = np.full((len(rows), attribute_count, len(cutoffs)), np.nan)
    for b in range(len(rows)):
        query = rows[b]
        for j in range(attribute_count):
            if wanted[query, j] == NO_QUERY:
                continue
            hits[b, j] = 0.0
            results, start = 0, 0
            while start < images and results < cutoffs[-1]:
                distance, size, relevant = distances[b, order[b, start]], 0, 0
                while start < images and distances[b, order[b, start]] == distance:
                    image = order[b, start]
                    if image != query and kept[image, j]:
                        size += 1
                        relevant += (
                            categories[image] == categories[query]
                            and attributes[image, j] == wanted[query, j]
                        )
                    start += 1
                for c, cutoff in enumerate(cutoffs):
                    if relevant and results < cutoff:
                        hits[b, j, c] += relevant * min(size, cutoff - results) / size
                results += size
    return hits


def relevant_counts(labels: TrueLabels, wanted: NDArray[np.int8]) -> NDArray[np.int64]:
    """Returns how many images other than the query have its category and the value that it wants.

    Args:
        labels: True labels of the N images; for images without a category, none is observed.
        wanted: (N, p) int8, the value that each query wants, or `NO_QUERY`.

    Returns:
        (N, p) int64; 0 for `NO_QUERY`.
    """
    counts = np.zeros(wanted.shape, np.int64)
    for value in (0, 1):
        having = labels.observed & (labels.attributes == value)
        per_category = np.zeros((labels.categories.max(initial=0) + 1, wanted.shape[1]), np.int64)
        np.add.at(per_category, labels.categories, having)
        counts += np.where(wanted == value, per_category[labels.categories] - having, 0)
    return counts


def ijcv2020(
    codes: Codes,
    probabilities: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
    progress: Callable[[float], None] = lambda _: None,
    *,
    cutoffs: Sequence[int] | None = None,
) -> Measurements:
    """Recalls for each wanted attribute: mean over valid queries, then over attributes.

    Images of the query's category with the attribute, by their labels, are relevant. A query is
    valid if an image is relevant; attributes without a valid query are left out. The filter is
    p_j >= 0.5. The figures named `absent` use only queries without the attribute. Recalls are at
    `cutoffs`, by default at `CUTOFFS`.
    """
    labels = with_categories(labels)
    wanted = np.where(labels.observed, 1, NO_QUERY).astype(np.int8)
    kept = labels.observed & (probabilities >= 0.5)
    cutoffs = CUTOFFS if cutoffs is None else cutoffs
    relevant, hits = _hits(codes, labels, wanted, kept, progress=progress, cutoffs=cutoffs)
    valid, absent = relevant > 0, (relevant > 0) & (labels.attributes == 0)
    return Measurements(
        ijcv2020_figures(hits, relevant, labels, weights, prefix="combined_", cutoffs=cutoffs),
        counts={
            **_counts(labels.observed, labels.observed, valid),
            "combined_attributes": int(valid.any(axis=0).sum()),
            "combined_absent_queries": int(absent.sum()),
            "combined_absent_attributes": int(absent.any(axis=0).sum()),
        },
    )


def ijcv2020_figures(
    hits: NDArray[np.float64],
    relevant: NDArray[np.int64],
    labels: TrueLabels,
    weights: Weights,
    *,
    prefix: str = "",
    cutoffs: Sequence[int],
) -> dict[str, NDArray[np.float64]]:
    """Returns the figures of expected hits (N, p, len(cutoffs)), by names that begin with `prefix`.

    Args:
        hits: Expected numbers of relevant images among the first results.
        relevant: (N, p), numbers of relevant images; a query is valid if it is above 0.
        labels: True labels of the N images.
        weights: (N, 1 + B), of the queries.
        prefix: Such as "combined_".
        cutoffs: Values of k.
    """
    absent = (relevant > 0) & (labels.attributes == 0)
    return {
        f"{prefix}{kind}{name}": mean_of_defined(
            weighted_means(np.where(queries, values, np.nan), weights)
        )
        for kind, queries in (("", relevant > 0), ("absent_", absent))
        for name, values in _recalls(hits, relevant, cutoffs).items()
    }


def cvpr2017(
    codes: Codes,
    probabilities: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
    progress: Callable[[float], None] = lambda _: None,
) -> Measurements:
    """Recalls as in the released code, as one mean over all pairs of a query and an attribute.

    Images of the query's category with the opposite of its own label are relevant. Queries are the
    images predicted not to have the attribute (p_j <= 0.5). The filter keeps p_j < 0.5: the images
    predicted not to have what is wanted. The released code has no missing labels; here, images with
    missing labels are left out.
    """
    labels = with_categories(labels)
    is_query = labels.observed & (probabilities <= 0.5)
    wanted = np.where(is_query, 1 - labels.attributes, NO_QUERY).astype(np.int8)
    kept = labels.observed & (probabilities < 0.5)
    relevant, hits = _hits(codes, labels, wanted, kept, progress=progress, cutoffs=CUTOFFS)
    recalls = _recalls(hits, relevant, CUTOFFS)
    return Measurements(
        {
            f"combined_{name}": divide(*(x.sum(axis=1) for x in weighted_sums(values, weights)))
            for name, values in recalls.items()
        },
        counts=_counts(labels.observed, is_query, relevant > 0),
    )


def with_categories(labels: TrueLabels) -> TrueLabels:
    """Returns the labels with no attribute observed for images without a category."""
    return labels._replace(observed=labels.observed & (labels.categories >= 0)[:, None])


def _hits(
    codes: Codes,
    labels: TrueLabels,
    wanted: NDArray[np.int8],
    kept: NDArray[np.bool_],
    *,
    progress: Callable[[float], None],
    cutoffs: Sequence[int],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Expected hits of all queries.

    Args:
        codes: (N, k), bool bits (Hamming distance) or reals (Euclidean distance).
        labels: True labels of the N images.
        wanted: (N, p) int8, the value that each query wants, or `NO_QUERY`. Other images of its
            category with that value are relevant.
        kept: (N, p) bool, the images that pass the filter for an attribute.
        progress: Called with the share done, in [0, 1].
        cutoffs: Values of k, ascending.

    Returns:
        Numbers of relevant images (N, p), and of hits (N, p, len(cutoffs)).
    """
    relevant = relevant_counts(labels, wanted)
    wanted = np.where(relevant > 0, wanted, NO_QUERY).astype(np.int8)
    hits = np.empty((*wanted.shape, len(cutoffs)))

    def measure(rankings: DistanceRankings) -> NDArray[np.float64]:
        return _expected_hits(rankings, labels, wanted, kept, np.array(cutoffs))

    for rows, of_rows in measure_rankings(codes, measure):
        hits[rows] = of_rows
        progress((rows[-1] + 1) / len(codes))
    return relevant, hits


def _recalls(
    hits: NDArray[np.float64], relevant: NDArray[np.int64], cutoffs: Sequence[int]
) -> dict[str, NDArray[np.float64]]:
    """Recalls (N, p) by name, NaN where hits are."""
    recalls = {}
    for c, cutoff in enumerate(cutoffs):
        recalls[f"recall_at_{cutoff}"] = hits[:, :, c] / np.maximum(relevant, 1)
        recalls[f"capped_recall_at_{cutoff}"] = hits[:, :, c] / np.clip(relevant, 1, cutoff)
    return recalls


def _counts(
    labelled: NDArray[np.bool_], is_query: NDArray[np.bool_], valid: NDArray[np.bool_]
) -> dict[str, int]:
    return {
        "combined_queries": int(valid.sum()),
        "combined_left_out_missing_label": int((~labelled).sum()),
        "combined_left_out_nothing_relevant": int((is_query & ~valid).sum()),
    }
