"""Exact search for the codes whose attributes most probably are as wanted."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.search.kernels.jit import compiled
from dualhash.search.kernels.layout import (
    CODES_PER_GROUP,
    RUN,
    Bitmap,
    Blocks,
    Words,
    fetch_members,
    size,
    start_of,
)
from dualhash.search.kernels.linear import Planes, exact, needed, rounded, steps_from, tables
from dualhash.search.kernels.sigmoid import sigmoid
from dualhash.search.kernels.simd import ALL_LANES, WIDTH, less, lowest, word_at
from dualhash.search.kernels.threads import in_shards
from dualhash.search.kernels.topk import NOTHING, Topmost, in_order, least, nobody, offer

PLANES = 7
AHEAD_BYTES = 1 << 13

SMALLEST = 1e-290
"""Below this float64 no longer holds probabilities to 53 bits, and nothing is left out."""


class _Ranking(NamedTuple):
    """How codes are scored: tables (s, words * 8, 256), biases (s,) and values wanted (s,)."""

    tables: NDArray[np.float64]
    bias: NDArray[np.float64]
    wanted: NDArray[np.bool_]


def most_probable(
    blocks: Blocks,
    head: LinearHead,
    wanted: NDArray[np.bool_],
    k: int,
    *,
    allowed: Bitmap | None = None,
    likely: Sequence[Bitmap] | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The k codes whose attributes most probably all have the wanted values, exactly.

    Args:
        blocks: What is searched.
        head: Reads the s attributes, at least one, from codes.
        wanted: (s,) bool, whether each shall be present.
        k: At least 1.
        allowed: The codes to search among; all by default.
        likely: For each attribute all codes that have the wanted value at p >= 0.5, if that is
            known. Codes that have all are looked at first, then those that lack one, whose product
            is at most 1/2, then the others, whose product is at most 1/4, each if it may matter.
        threads: How many share the work; the result does not depend on it.

    Returns:
        Joint probabilities (m,) float64 and positions (m,) int64, ordered by descending
        probability, then by position; m is k or, if that is less, the number of allowed codes.
    """
    allowed = blocks.everything if allowed is None else allowed
    k = min(k, size(allowed))
    weight, bias = head.summable
    sign = np.where(wanted, 1.0, -1.0)
    planes = rounded(weight * sign[:, None], bias * sign, PLANES)
    ranking = _Ranking(tables(weight), bias, np.asarray(wanted, np.bool_))
    found = nobody(0)
    for highest, among in _parts(allowed, likely or ()):
        floor = float(found.scores[-1]) if k and len(found.scores) == k else NOTHING
        if floor > highest or not among.any():
            continue

        def scan(start: int, stop: int, among: Bitmap = among, floor: float = floor) -> Topmost:
            topmost = nobody(k)
            _rank(blocks.words, among, start, stop, planes, ranking, floor, topmost)
            return topmost

        found = in_order([found, *in_shards(scan, len(allowed), threads)], k)
    return found.scores, found.positions


def _parts(allowed: Bitmap, likely: Sequence[Bitmap]) -> Iterator[tuple[float, Bitmap]]:
    """The allowed codes in parts, each after the highest product that is possible in it."""
    all_likely, but_one = allowed.copy(), np.zeros_like(allowed)
    for codes in likely:
        _lack(all_likely, but_one, codes)
    yield 1.0, all_likely
    yield 0.5, but_one
    yield 0.25, allowed & ~all_likely & ~but_one


@compiled
def _lack(all_likely: Bitmap, but_one: Bitmap, codes: Bitmap) -> None:
    """Moves what is not among these codes to the set that lacks one, and out of that."""
    for block in range(len(codes)):
        but_one[block] = (but_one[block] & codes[block]) | (all_likely[block] & ~codes[block])
        all_likely[block] &= codes[block]


@compiled
def _rank(
    words: Words,
    among: Bitmap,
    start: int,
    stop: int,
    planes: Planes,
    ranking: _Ranking,
    floor: float,
    topmost: Topmost,
) -> None:
    """Gathers the codes of a set, as many as there are lanes, and scores them."""
    length = words.shape[1]
    flat = words.reshape(-1)
    ahead = max(1, AHEAD_BYTES // (8 * CODES_PER_GROUP * length))
    gathered = np.empty(length * WIDTH, np.uint64)
    positions = np.empty(WIDTH, np.int64)
    need = np.empty(len(ranking.bias), np.int64)
    _raise(need, planes, floor)
    count = 0
    for block in range(start, stop):
        if block + ahead < len(among):
            fetch_members(flat, start_of(block + ahead, length), length, among[block + ahead])
        base = start_of(block, length)
        members = among[block]
        while members:
            place = lowest(members)
            members &= members - np.uint64(1)
            for word in range(length):
                gathered[word * WIDTH + count] = word_at(flat, base + place + word * RUN)
            positions[count] = block * CODES_PER_GROUP + place
            count += 1
            if count == WIDTH:
                _score(gathered, positions, count, need, planes, ranking, floor, topmost)
                count = 0
    _score(gathered, positions, count, need, planes, ranking, floor, topmost)


@compiled
def _score(
    words: Words,
    positions: NDArray[np.int64],
    count: int,
    need: NDArray[np.int64],
    planes: Planes,
    ranking: _Ranking,
    floor: float,
    topmost: Topmost,
) -> None:
    """Scores the codes whose factors can all be as large as the smallest product of interest.

    A product is at most its smallest factor.
    """
    length = len(words) // WIDTH
    going = ALL_LANES >> np.uint64(WIDTH - count) if count else np.uint64(0)
    for which in range(len(need)):
        if going == 0:
            return
        going &= ~less(steps_from(words, 0, WIDTH, length, planes, which), need[which])
    while going:
        lane = lowest(going)
        going &= going - np.uint64(1)
        product = 1.0
        for which in range(len(need)):
            table, bias = ranking.tables[which], ranking.bias[which]
            score = np.float64(exact(words, lane, WIDTH, length, table, bias))
            product *= sigmoid(score if ranking.wanted[which] else -score)
            if product < floor:
                break
        if product >= floor and offer(topmost, product, positions[lane]):
            _raise(need, planes, max(floor, least(topmost)))


@compiled
def _raise(
    need: NDArray[np.int64],
    planes: Planes,
    product: float,
) -> None:
    """What every factor needs where the product shall be at least `product`."""
    certain = product * (1 - 1e-12)
    for which in range(len(need)):
        score = math.log(certain / (1 - certain)) if certain > SMALLEST else -np.inf
        need[which] = needed(planes, which, score)
