"""Exact search by Hamming distance: the k closest codes, and all codes within a radius."""

import numpy as np
from numpy.typing import NDArray

from dualhash.search.hamming import as_words
from dualhash.search.kernels.blocks import BLOCK, Bitmap, Blocks, Words, groups, size
from dualhash.search.kernels.closest import (
    COUNT,
    LIMIT,
    NONE,
    Closest,
    in_order,
    keep,
    nothing,
    nothing_within,
    split,
)
from dualhash.search.kernels.compiled import compiled
from dualhash.search.kernels.lanes import (
    WIDTH,
    add_differing,
    either,
    fetch,
    lanes_at,
    lowest,
    negative,
    population,
    spread,
    word_at,
)
from dualhash.search.kernels.shards import in_shards

QUERIES_AT_ONCE = 256
CHUNK_BYTES = 1 << 18
"""Codes that stay in a core's cache while all queries are compared with them."""

AHEAD_BYTES = 1 << 13
"""How far ahead codes are asked for, while one query reads them as fast as memory gives them."""

USUAL_ROOM = 4096
"""Codes found within a radius; where there are more, they are looked for again."""

TRIAL = 16
"""Every so many chunks it is tried again whether the first half of the words is enough."""

_ALL = np.uint64(0xFF)
_8 = np.uint64(8)


def nearest(
    blocks: Blocks,
    queries: NDArray[np.uint8],
    k: int,
    *,
    allowed: Bitmap | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The k codes closest to each of Q queries, exactly.

    Args:
        blocks: What is searched.
        queries: (Q, k/8) uint8, packed.
        k: At least 1.
        allowed: The codes to search among; all by default.
        threads: How many share the work; the result does not depend on it.

    Returns:
        Distances (Q, m) int32 and positions (Q, m) int64 in ascending order of (distance,
        position), where m is k or, if that is less, the number of allowed codes.
    """
    allowed = blocks.everything if allowed is None else allowed
    k = min(k, size(allowed))
    distances = np.empty((len(queries), k), np.int32)
    positions = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries) if k else 0, QUERIES_AT_ONCE):
        rows = slice(start, start + QUERIES_AT_ONCE)
        words = as_words(queries[rows])

        def scan(start: int, stop: int, words: NDArray[np.uint64] = words) -> Closest:
            closest = nothing(len(words), blocks.bits, k)
            _scan(blocks.words, allowed, start, stop, words, closest)
            return closest

        found = in_order(in_shards(scan, len(allowed), threads))
        distances[rows], positions[rows] = split(found[:, :k])
    return distances, positions


def within(
    blocks: Blocks,
    query: NDArray[np.uint8],
    radius: int,
    *,
    allowed: Bitmap | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """All codes at a Hamming distance of at most `radius` from a query, as in a hash table lookup.

    Args:
        blocks: What is searched.
        query: (k/8,) uint8, packed.
        radius: At least 0.
        allowed: The codes to search among; all by default.
        threads: How many share the work; the result does not depend on it.

    Returns:
        Distances (m,) int32 and positions (m,) int64 in ascending order of (distance, position).
    """
    allowed = blocks.everything if allowed is None else allowed
    words = as_words(query[None])
    room = USUAL_ROOM

    def scan(start: int, stop: int) -> Closest:
        closest = nothing_within(min(radius, blocks.bits), 1, blocks.bits, blocks.count + 1, room)
        _scan(blocks.words, allowed, start, stop, words, closest)
        return closest

    parts = in_shards(scan, len(allowed), threads)
    most = max(int(part.state[0, COUNT]) for part in parts)
    if most > room:
        room = most
        parts = in_shards(scan, len(allowed), threads)
    found = in_order(parts)[0]
    return split(found[found != NONE])


@compiled
def _scan(
    words: Words,
    allowed: Bitmap,
    start: int,
    stop: int,
    queries: Words,
    closest: Closest,
) -> None:
    """Compares the blocks from `start` to `stop` with all queries, chunk by chunk."""
    count, length = queries.shape
    flat, flat_queries = words.reshape(-1), queries.reshape(-1)
    step = max(1, CHUNK_BYTES // (8 * BLOCK * length))
    halving = np.ones(count, np.bool_)
    for chunk in range(-(-(stop - start) // step)):
        first = start + chunk * step
        last = min(stop, first + step)
        for query in range(0, count, 4):
            halved = halving[query] or chunk % TRIAL == 0
            half = length // 2 if halved and length > 1 else length
            if query + 4 <= count:
                going = _four(
                    flat, allowed, first, last, flat_queries, length, half, query, closest
                )
            else:
                going = 0
                for single in range(query, count):
                    going += _one(
                        flat, allowed, first, last, flat_queries, length, half, single, closest
                    )
            if half < length:
                halving[query] = going * 2 < (last - first) * WIDTH


@compiled
def _four(
    words: Words,
    allowed: Bitmap,
    first: int,
    last: int,
    queries: Words,
    length: int,
    half: int,
    query: int,
    closest: Closest,
) -> int:
    """Compares blocks with four queries; returns how many groups the first `half` words left.

    Sums begin at minus the limit, so a sum that is still negative is a distance below it.
    """
    row0 = query * length
    row1, row2, row3 = row0 + length, row0 + 2 * length, row0 + 3 * length
    state = closest.state
    near0, near1 = -state[query, LIMIT], -state[query + 1, LIMIT]
    near2, near3 = -state[query + 2, LIMIT], -state[query + 3, LIMIT]
    going = 0
    for block in range(first, last):
        members = allowed[block]
        looking = groups(members)
        while looking:
            lane = WIDTH * lowest(looking)
            looking &= looking - np.uint64(1)
            wanted = (members >> np.uint64(lane)) & _ALL
            base = block * length * BLOCK + lane
            sum0, sum1, sum2, sum3 = spread(near0), spread(near1), spread(near2), spread(near3)
            for word in range(half):
                codes = lanes_at(words, base + word * BLOCK)
                sum0 = add_differing(sum0, codes, word_at(queries, row0 + word))
                sum1 = add_differing(sum1, codes, word_at(queries, row1 + word))
                sum2 = add_differing(sum2, codes, word_at(queries, row2 + word))
                sum3 = add_differing(sum3, codes, word_at(queries, row3 + word))
            if negative(either(either(sum0, sum1), either(sum2, sum3))) == 0:
                continue
            going += 1
            for word in range(half, length):
                codes = lanes_at(words, base + word * BLOCK)
                sum0 = add_differing(sum0, codes, word_at(queries, row0 + word))
                sum1 = add_differing(sum1, codes, word_at(queries, row1 + word))
                sum2 = add_differing(sum2, codes, word_at(queries, row2 + word))
                sum3 = add_differing(sum3, codes, word_at(queries, row3 + word))
            hits = (negative(sum3) & wanted) << _8 | negative(sum2) & wanted
            hits = (hits << _8 | negative(sum1) & wanted) << _8 | negative(sum0) & wanted
            if hits:
                _take(words, block, lane, queries, length, query, closest, hits)
                near0, near1 = -state[query, LIMIT], -state[query + 1, LIMIT]
                near2, near3 = -state[query + 2, LIMIT], -state[query + 3, LIMIT]
    return going


@compiled
def _one(
    words: Words,
    allowed: Bitmap,
    first: int,
    last: int,
    queries: Words,
    length: int,
    half: int,
    query: int,
    closest: Closest,
) -> int:
    """The same for one query, which waits for memory more than it counts bits."""
    row = query * length
    ahead = max(1, AHEAD_BYTES // (8 * BLOCK * length))
    near = -closest.state[query, LIMIT]
    going = 0
    for block in range(first, last):
        members = allowed[block]
        coming = allowed[block + ahead] if block + ahead < len(allowed) else np.uint64(0)
        looking = groups(members)
        while looking:
            lane = WIDTH * lowest(looking)
            looking &= looking - np.uint64(1)
            wanted = (members >> np.uint64(lane)) & _ALL
            base = block * length * BLOCK + lane
            if (coming >> np.uint64(lane)) & _ALL:
                for word in range(half):
                    fetch(words, base + (ahead * length + word) * BLOCK)
            total = spread(near)
            for word in range(half):
                codes = lanes_at(words, base + word * BLOCK)
                total = add_differing(total, codes, word_at(queries, row + word))
            if negative(total) == 0:
                continue
            going += 1
            for word in range(half, length):
                codes = lanes_at(words, base + word * BLOCK)
                total = add_differing(total, codes, word_at(queries, row + word))
            near_enough = negative(total) & wanted
            if near_enough:
                _take(words, block, lane, queries, length, query, closest, near_enough)
                near = -closest.state[query, LIMIT]
    return going


@compiled
def _take(
    words: Words,
    block: int,
    lane: int,
    queries: Words,
    length: int,
    query: int,
    closest: Closest,
    hits: np.uint64,
) -> None:
    """Keeps the codes of a group whose bits are set, eight bits a query, if still near enough."""
    while hits:
        hit = lowest(hits)
        hits &= hits - np.uint64(1)
        whose, place = query + hit // WIDTH, lane + hit % WIDTH
        distance = 0
        for word in range(length):
            code = word_at(words, (block * length + word) * BLOCK + place)
            distance += population(code ^ word_at(queries, whose * length + word))
        if distance < closest.state[whose, LIMIT]:
            keep(closest, whose, distance, block * BLOCK + place)
