"""Exact search by weighted cost: Hamming distance minus weighted log probabilities."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.jit import compiled
from dualhash.search.kernels import linear, topk
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
from dualhash.search.kernels.sigmoid import sigmoid
from dualhash.search.kernels.simd import (
    WIDTH,
    add_distance,
    broadcast,
    load_lanes,
    load_word,
    lowest_bit,
    negative_lanes,
)

EVEN_ODDS = math.log(2)
"""-log(1/2): what a probability of one half costs. Lower probabilities cost more."""

MARGIN = 1e-9
"""Larger than the rounding errors of costs."""

_TERMS = 18


class _Costs(NamedTuple):
    """The cost of a code: its distance, plus weight times the sum of -log p over wanted values.

    Tables (s, words * 8, 256), biases (s,) and wanted values (s,) give the probabilities.
    """

    query: Words
    weight: float
    tables: NDArray[np.float64]
    bias: NDArray[np.float64]
    wanted: NDArray[np.bool_]


def weighted_nearest(
    matrix: CodeMatrix,
    query: NDArray[np.uint8],
    head: LinearHead,
    wanted: NDArray[np.bool_],
    weight: float,
    k: int,
    *,
    ids: Ids | None = None,
    allowed: Bitmap | None = None,
    likely: Bitmap | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns the k codes of least cost, distance - weight * sum of log probabilities, exactly.

    Args:
        matrix: The codes.
        query: (bits/8,) uint8, packed.
        head: Predicts the s attributes from codes.
        wanted: (s,) bool; the probability is p_j for True, 1 - p_j for False.
        weight: At least 0.
        k: At least 1.
        ids: The ids of the codes (n,), different; their positions by default.
        allowed: The codes to search; all by default.
        likely: If known, the codes with all wanted values at p >= 0.5. They are searched first,
            since every other code costs at least `weight` times log 2 more than its distance.
        threads: Number of threads; the result does not depend on it.

    Returns:
        Costs (m,) float64 and ids (m,) int64, in ascending order of (cost, id); m is the smaller of
        k and the number of allowed codes.
    """
    allowed = matrix.everything if allowed is None else allowed
    k = min(k, size(allowed))
    values, bias = head.summable
    costs = _Costs(
        matrix.compared(query),
        float(weight),
        linear.byte_tables(spread(values, matrix.ranking_bits)),
        bias,
        np.asarray(wanted, np.bool_),
    )
    first = allowed if likely is None else allowed & likely
    parts = ((first, 0.0), (allowed & ~first, -weight * EVEN_ODDS * (1 - MARGIN)))
    best = topk.best_scores(_scan, matrix, ids, costs, parts, k, threads)
    return -best.scores, best.ids


@compiled
def _scan(
    words: Words, part: topk.Part, start: int, stop: int, costs: _Costs, top: topk.TopScores
) -> None:
    """Computes the cost of the codes that are near enough to be among the k best.

    Scores are negative costs. A score is at most the highest of its part minus the distance.
    """
    length, compared = words.shape[1], len(costs.query)
    flat, query = words.reshape(-1), costs.query
    bits = compared * 64
    start_sum = -_limit(part.floor, part.highest, bits)
    for group in range(start, stop):
        members = part.codes[group]
        if members == 0:
            continue
        base = first_word(group, length)
        for lane in range(0, GROUP_SIZE, WIDTH):
            total = broadcast(start_sum)
            for word in range(compared):
                codes = load_lanes(flat, base + lane + word * RUN_SIZE)
                total = add_distance(total, codes, load_word(query, word))
            hits = negative_lanes(total) & (members >> np.uint64(lane))
            while hits:
                place = lane + lowest_bit(hits)
                hits &= hits - np.uint64(1)
                score = -_cost(flat, base + place, length, query, costs)
                item = part.ids[group * GROUP_SIZE + place]
                if score >= part.floor and topk.insert_score(top, score, item):
                    start_sum = -_limit(max(part.floor, topk.kth_score(top)), part.highest, bits)


@compiled
def _limit(score: float, highest: float, bits: int) -> int:
    """Only codes nearer than this can have a score of at least `score`."""
    farthest = highest - score + MARGIN * (1 + abs(score))
    return bits + 1 if farthest >= bits else math.floor(farthest) + 1


@compiled
def _cost(words: Words, start: int, length: int, query: Words, costs: _Costs) -> float:
    """The cost of the code whose first word is at `start`."""
    distance = distance_at(words, start, len(query), query, 0)
    improbability = 0.0
    for which in range(len(costs.bias)):
        table, bias = costs.tables[which], costs.bias[which]
        score = np.float64(linear.exact_score(words, start, RUN_SIZE, length, table, bias))
        improbability += minus_log_probability(score if costs.wanted[which] else -score)
    return distance + costs.weight * improbability


@compiled
def minus_log_probability(score: float) -> float:
    """-log(1 / (1 + exp(-score))), from operations for which IEEE 754 defines one rounding.

    It is max(-score, 0) + log(1 + e) with e = exp(-|score|), and log(1 + e) = 2 artanh(e / (2 +
    e)).
    """
    power = sigmoid(-abs(score))
    ratio = power / (2 - power)
    square = ratio * ratio
    series = 0.0
    for term in range(_TERMS, -1, -1):
        series = series * square + 1 / (2 * term + 1)
    return max(-score, 0.0) + 2 * ratio * series
