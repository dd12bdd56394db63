"""Exact search for the codes that most probably have the wanted attribute values."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
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
    first_word,
    prefetch_members,
    size,
    spread,
)
from dualhash.search.kernels.sigmoid import sigmoid
from dualhash.search.kernels.simd import ALL_LANES, WIDTH, lanes_below, load_word, lowest_bit

WEIGHT_BITS = 7
AHEAD_BYTES = 1 << 13

BEST = 16
"""Codes for each result that are scored first, of the groups with the largest bounds."""

BOUND_MARGIN = 1e-6
"""Larger than the rounding errors of products of bounds."""

SMALLEST = 1e-290
"""Below this, float64 does not hold a probability to 53 bits, and no code is skipped."""


class _Ranking(NamedTuple):
    """How codes are scored: tables (s, words * 8, 256), biases (s,) and wanted values (s,).

    The rounded weights are those of the wanted values. No code of a group has a product above its
    `bound` (groups,).
    """

    rounded: linear.RoundedWeights
    tables: NDArray[np.float64]
    bias: NDArray[np.float64]
    wanted: NDArray[np.bool_]
    bound: NDArray[np.float32]


def most_probable(
    matrix: CodeMatrix,
    head: LinearHead,
    wanted: NDArray[np.bool_],
    k: int,
    *,
    ids: Ids | None = None,
    allowed: Bitmap | None = None,
    likely: Sequence[Bitmap] | None = None,
    bounds: Sequence[NDArray[np.float32]] | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns the k codes that most probably have all wanted attribute values, exactly.

    Args:
        matrix: The codes.
        head: Predicts the s attributes, at least one, from codes.
        wanted: (s,) bool, True if the attribute must be present, False if it must be absent.
        k: At least 1.
        ids: The ids of the codes (n,), different; their positions by default.
        allowed: The codes to search; all by default.
        likely: If known, for each attribute the codes with the wanted value at p >= 0.5. Codes in
            all of these sets are scored first, then codes that miss one of them (product at most
            1/2), then the others (product at most 1/4). A later set is skipped if it cannot change
            the result.
        bounds: If known, for each attribute upper bounds (groups,) of the probabilities of the
            wanted value in each group. The groups with the largest products of bounds are scored
            first, and those that cannot change the result are skipped.
        threads: Number of threads; the result does not depend on it.

    Returns:
        Joint probabilities (m,) float64 and ids (m,) int64, ordered by descending
        probability, then by id; m is the smaller of k and the number of allowed codes.
    """
    allowed = matrix.everything if allowed is None else allowed
    k = min(k, size(allowed))
    weight, bias = head.summable
    weight = spread(weight, matrix.ranking_bits)
    sign = np.where(wanted, 1.0, -1.0)
    ranking = _Ranking(
        linear.round_weights(weight * sign[:, None], bias * sign, WEIGHT_BITS),
        linear.byte_tables(weight),
        bias,
        np.asarray(wanted, np.bool_),
        np.ones(len(allowed), np.float32),
    )
    for each in bounds or ():
        np.multiply(ranking.bound, each, out=ranking.bound)
    np.multiply(ranking.bound, 1 + BOUND_MARGIN, out=ranking.bound)
    parts: Iterable[tuple[Bitmap, float]] = _parts(allowed, likely or ())
    if bounds and k:
        first = _best_groups(allowed, ranking.bound, BEST * k)
        parts = chain([(first, np.inf)], _parts(allowed & ~first, likely or ()))
    return topk.best_scores(_rank, matrix, ids, ranking, parts, k, threads)


def _best_groups(allowed: Bitmap, bound: NDArray[np.float32], count: int) -> Bitmap:
    """Returns about `count` of the allowed codes, or all, from the groups with largest bounds."""
    used = np.flatnonzero(allowed)
    groups = min(len(used) - 1, count * len(used) // size(allowed))
    of_used = -bound[used]
    chosen = used[of_used <= np.partition(of_used, groups)[groups]]
    first = np.zeros_like(allowed)
    first[chosen] = allowed[chosen]
    return first


def _parts(allowed: Bitmap, likely: Sequence[Bitmap]) -> Iterator[tuple[Bitmap, float]]:
    """Divides the allowed codes into parts and yields each with its highest possible product."""
    all_likely, but_one = allowed.copy(), np.zeros_like(allowed)
    for codes in likely:
        _move_unlikely(all_likely, but_one, codes)
    yield all_likely, 1.0
    yield but_one, 0.5
    yield allowed & ~all_likely & ~but_one, 0.25


@compiled
def _move_unlikely(all_likely: Bitmap, but_one: Bitmap, codes: Bitmap) -> None:
    """Moves codes outside `codes` from `all_likely` to `but_one`, and from `but_one` to neither."""
    for group in range(len(codes)):
        but_one[group] = (but_one[group] & codes[group]) | (all_likely[group] & ~codes[group])
        all_likely[group] &= codes[group]


@compiled
def _rank(
    words: Words, part: topk.Part, start: int, stop: int, ranking: _Ranking, top: topk.TopScores
) -> None:
    """Collects the codes of a set into full SIMD lanes and scores them."""
    length, codes = words.shape[1], part.codes
    flat = words.reshape(-1)
    ahead = max(1, AHEAD_BYTES // (8 * GROUP_SIZE * length))
    gathered = np.empty(length * WIDTH, np.uint64)
    ids = np.empty(WIDTH, np.int64)
    needed = np.empty(len(ranking.bias), np.int64)
    raise_needed(needed, ranking.rounded, part.floor)
    count = 0
    for group in range(start, stop):
        if group + ahead < stop and ranking.bound[group + ahead] >= part.floor:
            prefetch_members(flat, first_word(group + ahead, length), length, codes[group + ahead])
        members = codes[group]
        if members == 0 or ranking.bound[group] < max(part.floor, topk.kth_score(top)):
            continue
        base = first_word(group, length)
        while members:
            place = lowest_bit(members)
            members &= members - np.uint64(1)
            for word in range(length):
                gathered[word * WIDTH + count] = load_word(flat, base + place + word * RUN_SIZE)
            ids[count] = part.ids[group * GROUP_SIZE + place]
            count += 1
            if count == WIDTH:
                _score(gathered, ids, count, needed, ranking, part.floor, top)
                count = 0
    _score(gathered, ids, count, needed, ranking, part.floor, top)


@compiled
def _score(
    words: Words,
    ids: NDArray[np.int64],
    count: int,
    needed: NDArray[np.int64],
    ranking: _Ranking,
    floor: float,
    top: topk.TopScores,
) -> None:
    """Scores the codes whose factors can all reach the smallest product of interest.

    A product is at most its smallest factor.
    """
    length = len(words) // WIDTH
    lanes = ALL_LANES >> np.uint64(WIDTH - count) if count else np.uint64(0)
    for which in range(len(needed)):
        if lanes == 0:
            return
        lanes &= ~lanes_below(
            linear.rounded_sums(words, 0, WIDTH, length, ranking.rounded, which), needed[which]
        )
    while lanes:
        lane = lowest_bit(lanes)
        lanes &= lanes - np.uint64(1)
        product = 1.0
        for which in range(len(needed)):
            table, bias = ranking.tables[which], ranking.bias[which]
            score = np.float64(linear.exact_score(words, lane, WIDTH, length, table, bias))
            product *= sigmoid(score if ranking.wanted[which] else -score)
            if product < floor:
                break
        if product >= floor and topk.insert_score(top, product, ids[lane]):
            raise_needed(needed, ranking.rounded, max(floor, topk.kth_score(top)))


@compiled
def raise_needed(needed: NDArray[np.int64], rounded: linear.RoundedWeights, product: float) -> None:
    """Sets the sum that each factor needs for the product to be at least `product`."""
    certain = product * (1 - 1e-12)
    for which in range(len(needed)):
        score = math.log(certain / (1 - certain)) if certain > SMALLEST else -np.inf
        needed[which] = linear.needed_sum(rounded, which, score)
