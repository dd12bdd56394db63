"""Combined retrieval by posterior: its recall, and the choice of its two constants.

For a query q and a wanted attribute j, images x are ranked by descending

    log(epsilon + sum_c p_q(c) p_x(c)) + log p_x(j) - d(q, x) / tau

with categories c and Hamming distance d: the log of the probability that x has the query's category
and the attribute, and a term for categories that were never seen in training. Relevant images,
queries and recalls are those of `combined_retrieval`, protocol ijcv2020. Recalls are exact
expectations over orders of ties; terms are rounded to 2^-30, so that equal codes have equal scores.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.calibration import Posterior
from dualhash.evaluation import combined_retrieval
from dualhash.evaluation.bootstrap import Weights, query_weights
from dualhash.evaluation.combined_retrieval import (
    CUTOFFS,
    NO_QUERY,
    ijcv2020_figures,
    relevant_counts,
    with_categories,
)
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.parallel import on_all_processors
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.jit import compiled

EPSILONS = (0.001, 0.01, 0.1)
"""The values of epsilon that are tried."""

TAUS = (8.0, 16.0, 32.0, 64.0, 128.0)
"""The values of tau that are tried, in bits."""

FEWEST_QUERIES = 30
"""With fewer queries, no constants are chosen."""

MOST_QUERIES = 500
"""The most query images in this choice, evenly spread over the images."""

QUERIES_PER_BLOCK = 128
"""Queries that one thread ranks all images for at a time."""

ROUNDING = 2.0**30
SMALLEST = 1e-300


def ijcv2020(
    bits: NDArray[np.bool_],
    category_probabilities: NDArray[np.floating],
    attribute_probabilities: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
    *,
    posterior: Posterior,
    progress: Callable[[float], None] = lambda _: None,
) -> Measurements:
    """Recalls at `CUTOFFS`, named `combined_posterior_recall_at_...` and so on.

    Args:
        bits: (N, k) bool, those whose Hamming distance ranks.
        category_probabilities: (N, C), calibrated, read from the codes.
        attribute_probabilities: (N, p), likewise.
        labels: True labels of the N images.
        weights: (N, 1 + B), of the queries.
        posterior: The constants, not chosen on these images.
        progress: Called with the share done, in [0, 1].
    """
    labels = with_categories(labels)
    wanted, relevant = _queries(labels)
    ranking = _Ranking(bits, category_probabilities, attribute_probabilities, labels)
    hits = ranking.hits(wanted, CUTOFFS, posterior, progress)
    return Measurements(
        ijcv2020_figures(
            hits, relevant, labels, weights, prefix="combined_posterior_", cutoffs=CUTOFFS
        )
    )


def choose_posterior(
    bits: NDArray[np.bool_],
    category_probabilities: NDArray[np.floating],
    attribute_probabilities: NDArray[np.floating],
    labels: TrueLabels,
    kept: NDArray[np.bool_],
) -> Posterior | None:
    """Returns the constants with the largest combined recall on validation images.

    That is the mean over `CUTOFFS`: validation images are few, and recall at 5 alone, which hardly
    changes among them, prefers constants that lose recall among more images. Of equal means, the
    smallest tau and then the smallest epsilon is chosen.

    Args:
        bits: (N, k) bool, codes of validation images, never of test images.
        category_probabilities: (N, C), calibrated.
        attribute_probabilities: (N, p), calibrated.
        labels: True labels of the N images.
        kept: (N, p) bool, the images that pass the filter of combined searches.

    Returns:
        None if fewer than `FEWEST_QUERIES` pairs of a query and a wanted attribute have something
        relevant.
    """
    labels = with_categories(labels)
    wanted, relevant = _queries(labels)
    if np.count_nonzero(relevant) < FEWEST_QUERIES:
        return None
    ranking = _Ranking(bits, category_probabilities, attribute_probabilities, labels)
    weights = query_weights(len(bits), 0, np.random.default_rng(0))

    def recall(posterior: Posterior, wanted: NDArray[np.int8]) -> float:
        hits, counted = ranking.hits(wanted, CUTOFFS, posterior), relevant * (wanted != NO_QUERY)
        figures = ijcv2020_figures(hits, counted, labels, weights, cutoffs=CUTOFFS)
        return _mean_recall(figures)

    queries = np.flatnonzero((wanted != NO_QUERY).any(axis=1))
    spread = np.full_like(wanted, NO_QUERY)
    chosen = queries[:: -(-len(queries) // MOST_QUERIES)]
    spread[chosen] = wanted[chosen]
    tried = [Posterior(epsilon=epsilon, tau=tau) for tau in TAUS for epsilon in EPSILONS]
    best = max(tried, key=lambda posterior: recall(posterior, spread))
    filtered = combined_retrieval.ijcv2020(bits, kept.astype(np.float64), labels, weights)
    by_filter = _mean_recall(filtered.figures, "combined_")
    return best.model_copy(update={"better": recall(best, wanted) > by_filter})


def _mean_recall(figures: Mapping[str, NDArray[np.floating]], prefix: str = "") -> float:
    return float(np.mean([figures[f"{prefix}recall_at_{cutoff}"][0] for cutoff in CUTOFFS]))


def _queries(labels: TrueLabels) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Returns the values that valid queries want, (N, p), and how many images are relevant."""
    wanted = np.where(labels.observed, 1, NO_QUERY).astype(np.int8)
    relevant = relevant_counts(labels, wanted)
    return np.where(relevant > 0, wanted, NO_QUERY).astype(np.int8), relevant


class _Scores(NamedTuple):
    """Rankings of N images for b queries and p wanted attributes, by the sum of two scores.

    Attributes:
        rows: (b,), the query images.
        scores: (b, N), of category and distance.
        evidence: (p, N), of an attribute; -inf for images that do not take part.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    evidence: NDArray[np.float64]


class _Ranking:
    """What rankings of N images by posterior are computed from."""

    def __init__(
        self,
        bits: NDArray[np.bool_],
        category_probabilities: NDArray[np.floating],
        attribute_probabilities: NDArray[np.floating],
        labels: TrueLabels,
    ) -> None:
        self.labels = labels
        self.signs = 2 * bits.astype(np.float32) - 1
        self.categories = np.asarray(category_probabilities, np.float64)
        evidence = np.log(np.maximum(attribute_probabilities, SMALLEST))
        self.evidence = np.where(labels.observed, _rounded(evidence), -np.inf).T.copy()

    def hits(
        self,
        wanted: NDArray[np.int8],
        cutoffs: tuple[int, ...],
        posterior: Posterior,
        progress: Callable[[float], None] = lambda _: None,
    ) -> NDArray[np.float64]:
        """Returns expected hits (N, p, len(cutoffs)); NaN where `wanted` is `NO_QUERY`."""
        rows = np.flatnonzero((wanted != NO_QUERY).any(axis=1))
        blocks = [
            rows[start : start + QUERIES_PER_BLOCK]
            for start in range(0, len(rows), QUERIES_PER_BLOCK)
        ]

        def measure(block: NDArray[np.int64]) -> NDArray[np.float64]:
            agreement = self.categories[block] @ self.categories.T
            distances = (self.signs.shape[1] - self.signs[block] @ self.signs.T) / 2
            scores = np.log(posterior.epsilon + agreement) - distances / posterior.tau
            ranked = _Scores(block, _rounded(scores), self.evidence)
            return _expected_hits(ranked, self.labels, wanted, np.array(cutoffs))

        hits = np.full((*wanted.shape, len(cutoffs)), np.nan)
        for done, found in enumerate(on_all_processors(measure, blocks)):
            hits[blocks[done]] = found
            progress((done + 1) / len(blocks))
        return hits


def _rounded(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounds to multiples of 2^-30, whose sums are exact."""
    rounded: NDArray[np.float64] = np.rint(scores * ROUNDING) / ROUNDING
    return rounded


@compiled
def _expected_hits(
    ranked: _Scores, labels: TrueLabels, wanted: NDArray[np.int8], cutoffs: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns expected hits, (b, p, len(cutoffs))."""
    rows, scores, evidence = ranked
    categories, attributes, _ = labels
    most = cutoffs[-1]
    hits = np.full((len(rows), len(evidence), len(cutoffs)), np.nan)
    best, images = np.empty(most), np.empty(most, np.int64)
    for b in range(len(rows)):
        query = rows[b]
        for j in range(len(evidence)):
            if wanted[query, j] == NO_QUERY:
                continue
            count = _first(scores[b], evidence[j], query, best, images)
            hits[b, j] = 0.0
            start = 0
            while start < count:
                end, relevant, tied = start, 0, best[start]
                while end < count and best[end] == tied:
                    image = images[end]
                    relevant += (
                        categories[image] == categories[query]
                        and attributes[image, j] == wanted[query, j]
                    )
                    end += 1
                size = end - start
                if end == most:
                    size, relevant = 0, 0
                    for image in range(len(categories)):
                        if image != query and scores[b, image] + evidence[j, image] == tied:
                            size += 1
                            relevant += (
                                categories[image] == categories[query]
                                and attributes[image, j] == wanted[query, j]
                            )
                for c, cutoff in enumerate(cutoffs):
                    if start < cutoff:
                        hits[b, j, c] += relevant * min(size, cutoff - start) / size
                start = end
    return hits


@compiled
def _first(
    scores: NDArray[np.float64],
    evidence: NDArray[np.float64],
    query: int,
    best: NDArray[np.float64],
    images: NDArray[np.int64],
) -> int:
    """Sets the best scores and their images, in descending order, and returns their number."""
    count, least = 0, -np.inf
    for image in range(len(scores)):
        score = scores[image] + evidence[image]
        if score <= least or image == query:
            continue
        place = min(count, len(best) - 1)
        while place > 0 and best[place - 1] < score:
            best[place], images[place] = best[place - 1], images[place - 1]
            place -= 1
        best[place], images[place] = score, image
        count = min(count + 1, len(best))
        if count == len(best):
            least = best[count - 1]
    return count
