"""Exact search by distance and attributes at once: bits that differ, and improbability in bits."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.search.hamming import as_words
from dualhash.search.kernels.jit import compiled
from dualhash.search.kernels.layout import (
    CODES_PER_GROUP,
    RUN,
    Bitmap,
    Blocks,
    Words,
    distance_at,
    size,
    start_of,
)
from dualhash.search.kernels.linear import exact, tables
from dualhash.search.kernels.sigmoid import sigmoid
from dualhash.search.kernels.simd import (
    WIDTH,
    add_differing,
    lanes_at,
    lowest,
    negative,
    spread,
    word_at,
)
from dualhash.search.kernels.threads import in_shards
from dualhash.search.kernels.topk import NOTHING, Topmost, in_order, least, nobody, offer

EVEN_ODDS = math.log(2)
"""What a probability of one half costs; a smaller one costs more."""

MARGIN = 1e-9
"""More than what rounding does to costs."""

_TERMS = 18


class _Costs(NamedTuple):
    """What a code costs beside its distance: a weight times minus the log of each probability.

    Tables (s, words * 8, 256), biases (s,) and values wanted (s,) give the probabilities.
    """

    weight: float
    tables: NDArray[np.float64]
    bias: NDArray[np.float64]
    wanted: NDArray[np.bool_]


def weighted_nearest(
    blocks: Blocks,
    query: NDArray[np.uint8],
    head: LinearHead,
    wanted: NDArray[np.bool_],
    weight: float,
    k: int,
    *,
    allowed: Bitmap | None = None,
    likely: Bitmap | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The k codes of least cost: distance - weight * sum of log probabilities, exactly.

    Args:
        blocks: What is searched.
        query: (k/8,) uint8, packed.
        head: Reads the s attributes from codes.
        wanted: (s,) bool, whether each shall be present: p_j counts, or 1 - p_j.
        weight: At least 0.
        k: At least 1.
        allowed: The codes to search among; all by default.
        likely: All codes that have all wanted values at p >= 0.5, if that is known: they are
            looked at first, since each of the others costs at least `weight` times log 2 more than
            its distance.
        threads: How many share the work; the result does not depend on it.

    Returns:
        Costs (m,) float64 and positions (m,) int64 in ascending order of (cost, position); m is k
        or, if that is less, the number of allowed codes.
    """
    allowed = blocks.everything if allowed is None else allowed
    k = min(k, size(allowed))
    values, bias = head.summable
    costs = _Costs(float(weight), tables(values), bias, np.asarray(wanted, np.bool_))
    words = as_words(query[None])
    first = allowed if likely is None else allowed & likely
    found = nobody(0)
    for among, surcharge in ((first, 0.0), (allowed & ~first, weight * EVEN_ODDS)):
        floor = float(found.scores[-1]) if k and len(found.scores) == k else NOTHING
        if k == 0 or not among.any():
            continue

        def scan(
            start: int,
            stop: int,
            among: Bitmap = among,
            surcharge: float = surcharge,
            floor: float = floor,
        ) -> Topmost:
            topmost = nobody(k)
            _scan(blocks.words, among, start, stop, words, costs, surcharge, floor, topmost)
            return topmost

        found = in_order([found, *in_shards(scan, len(allowed), threads)], k)
    return -found.scores, found.positions


@compiled
def _scan(
    words: Words,
    among: Bitmap,
    start: int,
    stop: int,
    queries: Words,
    costs: _Costs,
    surcharge: float,
    floor: float,
    topmost: Topmost,
) -> None:
    """Finds the cost of the codes that are near enough for it to matter.

    A cost is at least the distance and the surcharge. Scores are minus the costs.
    """
    length = words.shape[1]
    flat, query = words.reshape(-1), queries.reshape(-1)
    bits = length * 64
    near = -_limit(floor, surcharge, bits)
    for block in range(start, stop):
        members = among[block]
        if members == 0:
            continue
        base = start_of(block, length)
        for lane in range(0, CODES_PER_GROUP, WIDTH):
            total = spread(near)
            for word in range(length):
                codes = lanes_at(flat, base + lane + word * RUN)
                total = add_differing(total, codes, word_at(query, word))
            hits = negative(total) & (members >> np.uint64(lane))
            while hits:
                place = lane + lowest(hits)
                hits &= hits - np.uint64(1)
                score = -_cost(flat, base + place, length, query, costs)
                if score >= floor and offer(topmost, score, block * CODES_PER_GROUP + place):
                    near = -_limit(max(floor, least(topmost)), surcharge, bits)


@compiled
def _limit(score: float, surcharge: float, bits: int) -> int:
    """Only codes nearer than this can have a score of `score` or more."""
    farthest = -score - surcharge * (1 - MARGIN) + MARGIN * (1 + abs(score))
    return bits + 1 if farthest >= bits else math.floor(farthest) + 1


@compiled
def _cost(words: Words, start: int, length: int, query: Words, costs: _Costs) -> float:
    """Of the code whose first word stands at `start`."""
    distance = distance_at(words, start, length, query, 0)
    improbable = 0.0
    for which in range(len(costs.bias)):
        table, bias = costs.tables[which], costs.bias[which]
        score = np.float64(exact(words, start, RUN, length, table, bias))
        improbable += improbability(score if costs.wanted[which] else -score)
    return distance + costs.weight * improbable


@compiled
def improbability(score: float) -> float:
    """-log(1 / (1 + exp(-score))), from operations that IEEE 754 rounds in one way only.

    It is max(-score, 0) + log(1 + e), e = exp(-|score|), and log(1 + e) = 2 artanh(e / (2 + e)).
    """
    power = sigmoid(-abs(score))
    ratio = power / (2 - power)
    square = ratio * ratio
    series = 0.0
    for term in range(_TERMS, -1, -1):
        series = series * square + 1 / (2 * term + 1)
    return max(-score, 0.0) + 2 * ratio * series
