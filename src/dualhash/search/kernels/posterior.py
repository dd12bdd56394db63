"""Exact search by posterior: the probability of the query's category and of wanted attributes.

The posterior of a code x at distance d from a query is

    (epsilon + sum_c p_q(c) p_x(c)) * prod_j p_x(j) * exp(-d / tau)

with categories c, the category probabilities p_q of the query and p_x of the code, and 1 - p_x(j)
for attributes that must be absent. Its logarithm is the score of a result. A code is skipped if the
distance, an upper bound of an attribute's score, or upper bounds of its category probabilities show
that it is not among the k best so far; the posterior of all others is computed.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.jit import compiled
from dualhash.search.kernels import linear, topk
from dualhash.search.kernels.attribute_ranking import WEIGHT_BITS, raise_needed
from dualhash.search.kernels.category_posteriors import (
    MARGIN,
    STEPS,
    CategoryPosteriors,
    agreement_at,
    agreement_bound,
)
from dualhash.search.kernels.layout import (
    GROUP_SIZE,
    RUN_SIZE,
    Bitmap,
    CodeMatrix,
    Ids,
    Words,
    distance_at,
    first_word,
    size,
    spread,
)
from dualhash.search.kernels.sigmoid import exp_of_minus, sigmoid
from dualhash.search.kernels.simd import (
    WIDTH,
    add_distance,
    broadcast,
    lanes_below,
    load_lanes,
    load_word,
    lowest_bit,
    negative_lanes,
)


class _Posterior(NamedTuple):
    """How codes are scored.

    Distances are those from `query`, always 0 if it has no words; `decay` (ranking bits + 1,) is
    exp(-d / tau). `wished` (C,) are the category probabilities of the query. Tables (s, words * 8,
    256), biases (s,) and wanted values (s,) give the attribute probabilities.
    """

    categories: CategoryPosteriors
    wished: NDArray[np.float64]
    epsilon: float
    query: Words
    decay: NDArray[np.float64]
    rounded: linear.RoundedWeights
    attribute_tables: NDArray[np.float64]
    attribute_bias: NDArray[np.float64]
    wanted: NDArray[np.bool_]


def most_posterior(
    matrix: CodeMatrix,
    categories: CategoryPosteriors,
    wished: NDArray[np.float64],
    attribute_head: LinearHead,
    wanted: NDArray[np.bool_],
    k: int,
    *,
    epsilon: float,
    query: NDArray[np.uint8] | None = None,
    tau: float = 1.0,
    ids: Ids | None = None,
    allowed: Bitmap | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns the k codes of largest posterior, exactly.

    Args:
        matrix: The codes.
        categories: Of the codes, for C categories.
        wished: (C,), the category probabilities of the query, in [0, 1].
        attribute_head: Predicts the s attributes from codes; s may be 0.
        wanted: (s,) bool; the probability is p_j for True, 1 - p_j for False.
        k: At least 1.
        epsilon: Above 0.
        query: (bits/8,) uint8, packed; None to disregard distances.
        tau: Above 0, in bits.
        ids: The ids of the codes (n,), different; their positions by default.
        allowed: The codes to search; all by default.
        threads: Number of threads; the result does not depend on it.

    Returns:
        Posteriors (m,) float64 and ids (m,) int64, ordered by descending posterior, then by id; m
        is the smaller of k and the number of allowed codes.
    """
    allowed = matrix.everything if allowed is None else allowed
    weight, bias = attribute_head.summable
    weight = spread(weight, matrix.ranking_bits)
    sign = np.where(wanted, 1.0, -1.0)
    posterior = _Posterior(
        categories,
        np.ascontiguousarray(wished, np.float64),
        float(epsilon),
        np.empty(0, np.uint64) if query is None else matrix.compared(query),
        _decay(matrix.ranking_bits, float(tau)),
        linear.round_weights(weight * sign[:, None], bias * sign, WEIGHT_BITS),
        linear.byte_tables(weight),
        bias,
        np.asarray(wanted, np.bool_),
    )
    parts = ((allowed, np.inf),)
    best = topk.best_scores(_scan, matrix, ids, posterior, parts, min(k, size(allowed)), threads)
    return best.scores, best.ids


@compiled
def _decay(bits: int, tau: float) -> NDArray[np.float64]:
    decay = np.empty(bits + 1)
    for distance in range(bits + 1):
        decay[distance] = exp_of_minus(min(distance / tau, 745.0))
    return decay


@compiled
def _scan(
    words: Words,
    part: topk.Part,
    start: int,
    stop: int,
    posterior: _Posterior,
    top: topk.TopScores,
) -> None:
    """Computes the posterior of the codes that can be among the k best."""
    length = words.shape[1]
    flat, query, decay = words.reshape(-1), posterior.query, posterior.decay
    tables, biases = posterior.categories.tables, posterior.categories.bias
    weights = posterior.wished * ((1 + MARGIN) / STEPS)
    highest = posterior.wished.max()
    rest_weight = highest * ((1 + MARGIN) / STEPS)
    scratch = np.empty(len(weights))
    needed = np.empty(len(posterior.wanted), np.int64)
    most = (posterior.epsilon + highest) * (1 + MARGIN)
    least = part.floor * (1 - MARGIN)
    start_sum = -_near(most, decay, least)
    raise_needed(needed, posterior.rounded, least / most)
    for group in range(start, stop):
        members = part.codes[group]
        if members == 0:
            continue
        base = first_word(group, length)
        for lane in range(0, GROUP_SIZE, WIDTH):
            total = broadcast(start_sum)
            for word in range(len(query)):
                codes = load_lanes(flat, base + lane + word * RUN_SIZE)
                total = add_distance(total, codes, load_word(query, word))
            hits = negative_lanes(total) & (members >> np.uint64(lane))
            for which in range(len(needed)):
                if hits == 0:
                    break
                sums = linear.rounded_sums(
                    flat, base + lane, RUN_SIZE, length, posterior.rounded, which
                )
                hits &= ~lanes_below(sums, needed[which])
            while hits:
                place = lane + lowest_bit(hits)
                hits &= hits - np.uint64(1)
                position = group * GROUP_SIZE + place
                bound = posterior.epsilon + agreement_bound(
                    posterior.categories, position, weights, rest_weight
                )
                distance = distance_at(flat, base + place, len(query), query, 0)
                if bound * decay[distance] < least:
                    continue
                factor = decay[distance] * _attributes(flat, base + place, length, posterior)
                if bound * factor < least:
                    continue
                agreement = agreement_at(
                    flat, base + place, length, tables, biases, posterior.wished, scratch
                )
                score = (posterior.epsilon + agreement) * factor
                if score >= part.floor and topk.insert_score(top, score, part.ids[position]):
                    least = max(part.floor, topk.kth_score(top)) * (1 - MARGIN)
                    start_sum = -_near(most, decay, least)
                    raise_needed(needed, posterior.rounded, least / most)


@compiled
def _near(highest: float, decay: NDArray[np.float64], least: float) -> int:
    """Only codes nearer than this can reach `least`; `decay` descends."""
    low, high = 0, len(decay)
    while low < high:
        middle = (low + high) // 2
        if highest * decay[middle] < least:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def _attributes(words: Words, start: int, length: int, posterior: _Posterior) -> float:
    """The joint probability of the wanted values."""
    product = 1.0
    for which in range(len(posterior.attribute_bias)):
        table, bias = posterior.attribute_tables[which], posterior.attribute_bias[which]
        score = np.float64(linear.exact_score(words, start, RUN_SIZE, length, table, bias))
        product *= sigmoid(score if posterior.wanted[which] else -score)
    return product
