"""Category retrieval: mean average precision of ranking by distance, leave-one-out.

Every image with a category is a query, and all other images with a category are its gallery.
Images of the query's category are relevant. Images without a category are left out.
Source: Liu et al. 2020, section 4.1, and compute_map.m of the released code.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.average_precision import harmonic_numbers, tie_precision
from dualhash.evaluation.bootstrap import Weights, weighted_means
from dualhash.evaluation.distance_ranking import Codes, DistanceRankings, measure_rankings
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.jit import compiled


def category_precisions(
    codes: Codes,
    categories: NDArray[np.int64],
    *,
    query_ahead: bool = False,
    progress: Callable[[float], None] = lambda _: None,
) -> NDArray[np.float64]:
    """Returns the average precision of each image as a query, exact over ties.

    Args:
        codes: (N, k), bool bits (Hamming distance) or reals (Euclidean distance).
        categories: (N,) int64, negative if missing.
        query_ahead: True ranks the query first in its own ranking, as a wrong result; False leaves
            it out.
        progress: Called with the share done, in [0, 1].

    Returns:
        (N,) float64 in (0, 1]; NaN for images without a category and for queries without another
        image of their category.
    """
    known = np.flatnonzero(categories >= 0)
    labels = categories[known]
    harmonic = harmonic_numbers(len(known) + 1)

    def measure(ranking: DistanceRankings) -> NDArray[np.float64]:
        return _precisions(ranking, labels, int(query_ahead), harmonic)

    precisions = np.full(len(categories), np.nan)
    for rows, found in measure_rankings(codes[known], measure):
        precisions[known[rows]] = found
        progress((rows[-1] + 1) / len(known))
    return precisions


@compiled
def _precisions(
    ranking: DistanceRankings, labels: NDArray[np.int64], ahead: int, harmonic: NDArray[np.float64]
) -> NDArray[np.float64]:
    rows, distances, order = ranking
    images = len(labels)
    precisions = np.full(len(rows), np.nan)
    for b in range(len(rows)):
        query, results, found, total = rows[b], ahead, 0, 0.0
        start = 0
        while start < images:
            distance, size, relevant = distances[b, order[b, start]], 0, 0
            while start < images and distances[b, order[b, start]] == distance:
                image = order[b, start]
                if image != query:
                    size += 1
                    relevant += labels[image] == labels[query]
                start += 1
            total += tie_precision(results, found, size, relevant, harmonic)
            results += size
            found += relevant
        if found:
            precisions[b] = total / found
    return precisions


def ijcv2020(
    codes: Codes,
    categories: NDArray[np.int64],
    weights: Weights,
    progress: Callable[[float], None] = lambda _: None,
) -> Measurements:
    """Category mAP with the query left out of its ranking.

    Denominator: queries with at least one other image of their category. The others are counted.
    """
    return _measured(category_precisions(codes, categories, progress=progress), categories, weights)


def cvpr2017(
    codes: Codes,
    categories: NDArray[np.int64],
    weights: Weights,
    progress: Callable[[float], None] = lambda _: None,
) -> Measurements:
    """Category mAP with the query first in its own ranking, as a wrong result.

    The query is at distance 0, and the released code breaks ties by id, so it is placed ahead of
    its ties. With n images a category, a perfect code then scores
    (1 / (n - 1)) * sum for i = 2..n of (i - 1) / i: 0.500 for 2 images, 0.786 for 10.
    """
    precisions = category_precisions(codes, categories, query_ahead=True, progress=progress)
    return _measured(precisions, categories, weights)


def _measured(
    precisions: NDArray[np.float64], categories: NDArray[np.int64], weights: Weights
) -> Measurements:
    valid, missing = int((~np.isnan(precisions)).sum()), int((categories < 0).sum())
    return Measurements(
        figures={"category_map": weighted_means(precisions[:, None], weights)[:, 0]},
        counts={
            "category_queries": valid,
            "category_left_out_missing_label": missing,
            "category_left_out_nothing_relevant": len(categories) - missing - valid,
        },
    )
