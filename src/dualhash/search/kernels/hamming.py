"""Exact search by Hamming distance: the k closest codes, and all codes within a radius."""

import numpy as np
from numpy.typing import NDArray

from dualhash.search.hamming import as_words
from dualhash.search.kernels.jit import compiled
from dualhash.search.kernels.layout import (
    CODES_PER_GROUP,
    RUN,
    Bitmap,
    Blocks,
    Words,
    are_few,
    distance_at,
    fetch_members,
    size,
    start_of,
)
from dualhash.search.kernels.nearest_k import (
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
from dualhash.search.kernels.simd import (
    ALL_LANES,
    WIDTH,
    add_differing,
    either,
    fetch_lanes,
    lanes_at,
    lowest,
    negative,
    spread,
    word_at,
)
from dualhash.search.kernels.threads import in_shards

QUERIES_AT_ONCE = 256
CHUNK_BYTES = 1 << 18
"""Codes that stay in a core's cache while all queries are compared with them."""

AHEAD_BYTES = 1 << 14
"""How far ahead codes are asked for, while one query reads them as fast as memory gives them."""

USUAL_ROOM = 4096
"""Codes found within a radius; where there are more, they are looked for again."""


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
    step = max(1, CHUNK_BYTES // (8 * CODES_PER_GROUP * length))
    fours = count - count % 4
    for first in range(start, stop, step):
        last = min(stop, first + step)
        if are_few(allowed[first:last], count):
            _few(flat, allowed, first, last, flat_queries, length, closest)
            continue
        for query in range(0, fours, 4):
            _four(flat, allowed, first, last, flat_queries, length, query, closest)
        for query in range(fours, count):
            _one(flat, allowed, first, last, flat_queries, length, query, closest)


@compiled
def _four(
    words: Words,
    allowed: Bitmap,
    first: int,
    last: int,
    queries: Words,
    length: int,
    query: int,
    closest: Closest,
) -> None:
    """Compares blocks with four queries.

    Sums begin at minus the limit, so a sum that is still negative is a distance below it.
    """
    row0 = query * length
    row1, row2, row3 = row0 + length, row0 + 2 * length, row0 + 3 * length
    state = closest.state
    near0, near1 = -state[query, LIMIT], -state[query + 1, LIMIT]
    near2, near3 = -state[query + 2, LIMIT], -state[query + 3, LIMIT]
    for block in range(first, last):
        members = allowed[block]
        base = start_of(block, length)
        for lane in range(0, CODES_PER_GROUP, WIDTH):
            sum0, sum1, sum2, sum3 = spread(near0), spread(near1), spread(near2), spread(near3)
            for word in range(length):
                codes = lanes_at(words, base + lane + word * RUN)
                sum0 = add_differing(sum0, codes, word_at(queries, row0 + word))
                sum1 = add_differing(sum1, codes, word_at(queries, row1 + word))
                sum2 = add_differing(sum2, codes, word_at(queries, row2 + word))
                sum3 = add_differing(sum3, codes, word_at(queries, row3 + word))
            wanted = (members >> np.uint64(lane)) & ALL_LANES
            if negative(either(either(sum0, sum1), either(sum2, sum3))) & wanted == 0:
                continue
            for whose, total in enumerate((sum0, sum1, sum2, sum3)):
                hits = (negative(total) & wanted) << np.uint64(lane)
                _take(words, block, queries, length, query + whose, closest, hits)
            near0, near1 = -state[query, LIMIT], -state[query + 1, LIMIT]
            near2, near3 = -state[query + 2, LIMIT], -state[query + 3, LIMIT]


@compiled
def _one(
    words: Words,
    allowed: Bitmap,
    first: int,
    last: int,
    queries: Words,
    length: int,
    query: int,
    closest: Closest,
) -> None:
    """The same for one query, which waits for memory more than it counts bits."""
    row = query * length
    ahead = max(1, AHEAD_BYTES // (8 * CODES_PER_GROUP * length))
    near = -closest.state[query, LIMIT]
    for block in range(first, last):
        members = allowed[block]
        base = start_of(block, length)
        coming = start_of(block + ahead, length)
        for lane in range(0, CODES_PER_GROUP, WIDTH):
            total = spread(near)
            for word in range(length):
                fetch_lanes(words, coming + lane + word * RUN)
                codes = lanes_at(words, base + lane + word * RUN)
                total = add_differing(total, codes, word_at(queries, row + word))
            hits = negative(total) & (members >> np.uint64(lane))
            if hits:
                _take(words, block, queries, length, query, closest, hits << np.uint64(lane))
                near = -closest.state[query, LIMIT]


@compiled
def _few(
    words: Words,
    allowed: Bitmap,
    first: int,
    last: int,
    queries: Words,
    length: int,
    closest: Closest,
) -> None:
    """Compares with all queries where so few codes are allowed that each is looked up."""
    ahead = max(1, AHEAD_BYTES // (8 * CODES_PER_GROUP * length))
    for block in range(first, last):
        if block + ahead < len(allowed):
            fetch_members(words, start_of(block + ahead, length), length, allowed[block + ahead])
        members = allowed[block]
        while members:
            place = lowest(members)
            members &= members - np.uint64(1)
            start = start_of(block, length) + place
            for query in range(len(closest.state)):
                distance = distance_at(words, start, length, queries, query * length)
                if distance < closest.state[query, LIMIT]:
                    keep(closest, query, distance, block * CODES_PER_GROUP + place)


@compiled
def _take(
    words: Words,
    block: int,
    queries: Words,
    length: int,
    query: int,
    closest: Closest,
    hits: np.uint64,
) -> None:
    """Keeps the codes of a block whose bits are set, if they are still near enough."""
    base = start_of(block, length)
    while hits:
        place = lowest(hits)
        hits &= hits - np.uint64(1)
        distance = distance_at(words, base + place, length, queries, query * length)
        if distance < closest.state[query, LIMIT]:
            keep(closest, query, distance, block * CODES_PER_GROUP + place)
