"""Exact search by Hamming distance: the k nearest codes, and all codes within a radius."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.jit import compiled
from dualhash.search.kernels import topk
from dualhash.search.kernels.layout import (
    GROUP_SIZE,
    RUN_SIZE,
    Bitmap,
    CodeMatrix,
    Words,
    are_few,
    distance_at,
    first_word,
    prefetch_members,
    size,
)
from dualhash.search.kernels.simd import (
    ALL_LANES,
    WIDTH,
    add_distance,
    bitwise_or,
    broadcast,
    load_lanes,
    load_word,
    lowest_bit,
    negative_lanes,
    prefetch_lanes,
)
from dualhash.search.kernels.threads import run_in_threads

QUERIES_AT_ONCE = 256
CHUNK_BYTES = 1 << 18
"""Size of the codes that all queries are compared with while they stay in a core's cache."""

AHEAD_BYTES = 1 << 14
"""Prefetch distance for a single query, which reads codes as fast as memory delivers them."""

USUAL_CAPACITY = 4096
"""Codes within a radius that a first scan can hold; if there are more, the scan is repeated."""


class _Scan(NamedTuple):
    """Codes and queries as flat words, and the results so far.

    A code has `length` words; the first of them are compared with the words of a query.
    """

    words: Words
    length: int
    allowed: Bitmap
    queries: Words
    compared: int
    top: topk.TopDistances


def k_nearest(
    matrix: CodeMatrix,
    queries: NDArray[np.uint8],
    k: int,
    *,
    allowed: Bitmap | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Returns the k codes nearest to each of Q queries, exactly.

    Args:
        matrix: The codes.
        queries: (Q, bits/8) uint8, packed; their first `ranking_bits` bits are compared.
        k: At least 1.
        allowed: The codes to search; all by default.
        threads: Number of threads; the result does not depend on it.

    Returns:
        Distances (Q, m) int32 and positions (Q, m) int64, in ascending order of (distance,
        position); m is the smaller of k and the number of allowed codes.
    """
    allowed = matrix.everything if allowed is None else allowed
    k = min(k, size(allowed))
    distances = np.empty((len(queries), k), np.int32)
    positions = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries) if k else 0, QUERIES_AT_ONCE):
        rows = slice(start, start + QUERIES_AT_ONCE)
        words = matrix.compared(queries[rows])

        def scan(start: int, stop: int, words: NDArray[np.uint64] = words) -> topk.TopDistances:
            top = topk.no_distances(len(words), matrix.ranking_bits, k)
            _scan(matrix.words, allowed, start, stop, words, top)
            return top

        merged = topk.merge_distances(run_in_threads(scan, len(allowed), threads))
        distances[rows], positions[rows] = topk.split_candidates(merged[:, :k])
    return distances, positions


def within_radius(
    matrix: CodeMatrix,
    query: NDArray[np.uint8],
    radius: int,
    *,
    allowed: Bitmap | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Returns all codes at a Hamming distance of at most `radius` from a query.

    Args:
        matrix: The codes.
        query: (bits/8,) uint8, packed; its first `ranking_bits` bits are compared.
        radius: At least 0.
        allowed: The codes to search; all by default.
        threads: Number of threads; the result does not depend on it.

    Returns:
        Distances (m,) int32 and positions (m,) int64, in ascending order of (distance, position).
    """
    allowed = matrix.everything if allowed is None else allowed
    words = matrix.compared(query[None])
    capacity = USUAL_CAPACITY

    def scan(start: int, stop: int) -> topk.TopDistances:
        top = topk.no_distances_within(
            min(radius, matrix.ranking_bits), 1, matrix.ranking_bits, matrix.count + 1, capacity
        )
        _scan(matrix.words, allowed, start, stop, words, top)
        return top

    parts = run_in_threads(scan, len(allowed), threads)
    most = max(int(part.state[0, topk.COUNT]) for part in parts)
    if most > capacity:
        capacity = most
        parts = run_in_threads(scan, len(allowed), threads)
    merged = topk.merge_distances(parts)[0]
    return topk.split_candidates(merged[merged != topk.NO_CANDIDATE])


@compiled
def _scan(
    words: Words, allowed: Bitmap, start: int, stop: int, queries: Words, top: topk.TopDistances
) -> None:
    """Compares the groups from `start` to `stop` with all queries, chunk by chunk."""
    count, compared = queries.shape
    scan = _Scan(words.reshape(-1), words.shape[1], allowed, queries.reshape(-1), compared, top)
    step = max(1, CHUNK_BYTES // (8 * GROUP_SIZE * compared))
    fours = count - count % 4
    for first in range(start, stop, step):
        last = min(stop, first + step)
        if are_few(allowed[first:last], count):
            _compare_few(scan, first, last)
            continue
        for query in range(0, fours, 4):
            _compare_four(scan, first, last, query)
        for query in range(fours, count):
            _compare_one(scan, first, last, query)


@compiled
def _compare_four(scan: _Scan, first: int, last: int, query: int) -> None:
    """Compares groups with four queries.

    Sums start at minus the limit, so a negative sum means a distance below the limit.
    """
    words, length, allowed, queries, compared, top = scan
    row0 = query * compared
    row1, row2, row3 = row0 + compared, row0 + 2 * compared, row0 + 3 * compared
    state = top.state
    near0, near1 = -state[query, topk.LIMIT], -state[query + 1, topk.LIMIT]
    near2, near3 = -state[query + 2, topk.LIMIT], -state[query + 3, topk.LIMIT]
    for group in range(first, last):
        members = allowed[group]
        base = first_word(group, length)
        for lane in range(0, GROUP_SIZE, WIDTH):
            sum0, sum1 = broadcast(near0), broadcast(near1)
            sum2, sum3 = broadcast(near2), broadcast(near3)
            for word in range(compared):
                codes = load_lanes(words, base + lane + word * RUN_SIZE)
                sum0 = add_distance(sum0, codes, load_word(queries, row0 + word))
                sum1 = add_distance(sum1, codes, load_word(queries, row1 + word))
                sum2 = add_distance(sum2, codes, load_word(queries, row2 + word))
                sum3 = add_distance(sum3, codes, load_word(queries, row3 + word))
            wanted = (members >> np.uint64(lane)) & ALL_LANES
            near_any = bitwise_or(bitwise_or(sum0, sum1), bitwise_or(sum2, sum3))
            if negative_lanes(near_any) & wanted == 0:
                continue
            for offset, total in enumerate((sum0, sum1, sum2, sum3)):
                hits = (negative_lanes(total) & wanted) << np.uint64(lane)
                _insert_hits(scan, group, query + offset, hits)
            near0, near1 = -state[query, topk.LIMIT], -state[query + 1, topk.LIMIT]
            near2, near3 = -state[query + 2, topk.LIMIT], -state[query + 3, topk.LIMIT]


@compiled
def _compare_one(scan: _Scan, first: int, last: int, query: int) -> None:
    """Compares groups with one query. This waits for memory, so codes are prefetched."""
    words, length, allowed, queries, compared, top = scan
    row = query * compared
    ahead = max(1, AHEAD_BYTES // (8 * GROUP_SIZE * compared))
    near = -top.state[query, topk.LIMIT]
    for group in range(first, last):
        members = allowed[group]
        base = first_word(group, length)
        upcoming = first_word(group + ahead, length)
        for lane in range(0, GROUP_SIZE, WIDTH):
            total = broadcast(near)
            for word in range(compared):
                prefetch_lanes(words, upcoming + lane + word * RUN_SIZE)
                codes = load_lanes(words, base + lane + word * RUN_SIZE)
                total = add_distance(total, codes, load_word(queries, row + word))
            hits = negative_lanes(total) & (members >> np.uint64(lane))
            if hits:
                _insert_hits(scan, group, query, hits << np.uint64(lane))
                near = -top.state[query, topk.LIMIT]


@compiled
def _compare_few(scan: _Scan, first: int, last: int) -> None:
    """Compares single codes with all queries, for groups in which few codes are allowed."""
    words, length, allowed, queries, compared, top = scan
    ahead = max(1, AHEAD_BYTES // (8 * GROUP_SIZE * compared))
    for group in range(first, last):
        if group + ahead < len(allowed):
            prefetch_members(
                words, first_word(group + ahead, length), compared, allowed[group + ahead]
            )
        members = allowed[group]
        while members:
            place = lowest_bit(members)
            members &= members - np.uint64(1)
            start = first_word(group, length) + place
            for query in range(len(top.state)):
                distance = distance_at(words, start, compared, queries, query * compared)
                if distance < top.state[query, topk.LIMIT]:
                    topk.insert_distance(top, query, distance, group * GROUP_SIZE + place)


@compiled
def _insert_hits(scan: _Scan, group: int, query: int, hits: np.uint64) -> None:
    """Inserts the codes of a group whose bits are set, if they are still below the limit."""
    words, length, _, queries, compared, top = scan
    base = first_word(group, length)
    while hits:
        place = lowest_bit(hits)
        hits &= hits - np.uint64(1)
        distance = distance_at(words, base + place, compared, queries, query * compared)
        if distance < top.state[query, topk.LIMIT]:
            topk.insert_distance(top, query, distance, group * GROUP_SIZE + place)
