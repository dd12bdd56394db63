"""Exact search for the codes whose attributes most probably are as wanted."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.heads import LinearHead
from dualhash.search.kernels.blocks import (
    BLOCK,
    Bitmap,
    Blocks,
    Words,
    fetch_members,
    size,
    start_of,
)
from dualhash.search.kernels.compiled import compiled
from dualhash.search.kernels.lanes import ALL_LANES, WIDTH, less, lowest
from dualhash.search.kernels.linear import Planes, exact, needed, rounded, steps_from, tables
from dualhash.search.kernels.probability import joint
from dualhash.search.kernels.shards import in_shards
from dualhash.search.kernels.topmost import NOTHING, Topmost, in_order, least, nobody, offer

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
    likely: Bitmap | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The k codes whose attributes most probably all have the wanted values, exactly.

    Args:
        blocks: What is searched.
        head: Reads the s attributes, at least one, from codes.
        wanted: (s,) bool, whether each shall be present.
        k: At least 1.
        allowed: The codes to search among; all by default.
        likely: All codes that have all wanted values at p >= 0.5, if that is known: they are
            looked at first, and the others only if their products of at most 0.5 may matter.
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
    first = allowed if likely is None else allowed & likely
    found = nobody(0)
    for among in (first, allowed & ~first):
        floor = float(found.scores[-1]) if k and len(found.scores) == k else NOTHING
        if k == 0 or floor > 0.5 or not among.any():
            continue

        def scan(start: int, stop: int, among: Bitmap = among, floor: float = floor) -> Topmost:
            topmost = nobody(k)
            _rank(blocks.words, among, start, stop, planes, ranking, floor, topmost)
            return topmost

        found = in_order([found, *in_shards(scan, len(allowed), threads)], k)
    return found.scores, found.positions


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
    """Scores the codes whose factors can all be as large as the smallest product of interest.

    A product is at most its smallest factor.
    """
    length, functions = words.shape[1], len(ranking.bias)
    flat = words.reshape(-1)
    ahead = max(1, AHEAD_BYTES // (8 * BLOCK * length))
    scores = np.empty(functions, np.float32)
    need = np.empty(functions, np.int64)
    _raise(need, planes, floor)
    for block in range(start, stop):
        members = among[block]
        if block + ahead < len(among):
            fetch_members(flat, start_of(block + ahead, length), length, among[block + ahead])
        base = start_of(block, length)
        for lane in range(0, BLOCK, WIDTH):
            going = (members >> np.uint64(lane)) & ALL_LANES
            if going == 0:
                continue
            for which in range(functions):
                steps = steps_from(flat, base + lane, length, planes, which)
                going &= ~less(steps, need[which])
                if going == 0:
                    break
            while going:
                place = lane + lowest(going)
                going &= going - np.uint64(1)
                for which in range(functions):
                    scores[which] = exact(
                        flat, base + place, length, ranking.tables[which], ranking.bias[which]
                    )
                product = joint(scores, ranking.wanted)
                if product >= floor and offer(topmost, product, block * BLOCK + place):
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
