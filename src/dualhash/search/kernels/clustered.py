"""Exact search by Hamming distance among clustered codes, most of which are not read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.jit import compiled
from dualhash.search.kernels import topk
from dualhash.search.kernels.clusters import Clusters
from dualhash.search.kernels.layout import (
    GROUP_SIZE,
    RUN_SIZE,
    Bitmap,
    CodeMatrix,
    Ids,
    Words,
    as_words,
    distance_at,
    first_word,
)
from dualhash.search.kernels.simd import (
    ALL_LANES,
    WIDTH,
    add_distance,
    broadcast,
    load_lanes,
    load_word,
    lowest_bit,
    negative_lanes,
    popcount,
    prefetch_lanes,
)
from dualhash.search.kernels.threads import run_in_threads

MOST_READ = 0.3
"""If a query has to read more than this share of the codes, reading all in sequence is faster."""

UNDECIDED = 128
"""After this fraction of the codes, the distance of the k-th is known well enough to decide."""

_AHEAD = 4 * WIDTH


class _Codes(NamedTuple):
    """Codes in clustered order; those after the last of a cluster are in any order."""

    words: Words
    length: int
    allowed: Bitmap
    total: int
    ids: Ids
    centres: Words
    starts: NDArray[np.int64]
    radii: NDArray[np.int64]
    bits: int


def nearest_in_clusters(
    matrix: CodeMatrix,
    ids: Ids,
    clusters: Clusters,
    queries: NDArray[np.uint8],
    k: int,
    *,
    allowed: Bitmap,
    radius: int | None = None,
    threads: int = 1,
    most_read: float = MOST_READ,
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_]]:
    """Finds the k nearest codes of each of Q queries, exactly, unless too many have to be read.

    Args:
        matrix: n codes, the first of them as `clusters` orders them, the others in any order.
        ids: (n,), different.
        clusters: Of the ranking bits of the codes.
        queries: (Q, bits/8) uint8, packed; their ranking bits are compared.
        k: At least 1.
        allowed: The codes to search.
        radius: The largest distance of interest; by default any.
        threads: Number of threads; the result does not depend on it.
        most_read: A query is not answered if it has to read more than this share of the codes.

    Returns:
        Distances (Q, k) and ids (Q, k), ordered by (distance, id), the largest numbers where there
        are fewer codes; and whether each query was answered (Q,). Rows of others mean nothing.
    """
    codes = _Codes(
        matrix.words.reshape(-1),
        matrix.words.shape[1],
        allowed,
        matrix.count,
        ids,
        as_words(clusters.centres),
        clusters.starts,
        clusters.radii,
        matrix.ranking_bits,
    )
    words, bits = matrix.compared(queries), matrix.ranking_bits
    farthest = bits if radius is None else min(radius, bits)
    scores = np.full((len(queries), k), topk.NO_SCORE)
    found = np.full((len(queries), k), np.iinfo(np.int64).max)
    answered = np.zeros(len(queries), np.bool_)

    def search(start: int, stop: int) -> None:
        rows = slice(start, stop)
        _search(
            codes,
            words[rows],
            farthest,
            int(most_read * matrix.count),
            scores[rows],
            found[rows],
            answered[rows],
        )

    run_in_threads(search, len(queries), threads, fewest=1)
    distances = np.minimum(-scores, np.iinfo(np.int32).max).astype(np.int32)
    rows, order = np.arange(len(queries))[:, None], np.lexsort((found, distances))
    return distances[rows, order], found[rows, order], answered


def codes_to_read(clusters: Clusters, query: NDArray[np.uint8], radius: int) -> int:
    """Returns how many clustered codes can be within a radius of a packed query (bits/8,)."""
    (count, width), centres = clusters.centres.shape, as_words(clusters.centres)
    if not count:
        return 0
    distances, bits = np.empty(count, np.int64), 8 * width
    _measure(centres, as_words(query[:width]), distances)
    return int(_in_reach(distances, clusters.starts, clusters.radii, bits, radius))


@compiled
def _search(
    codes: _Codes,
    queries: Words,
    farthest: int,
    most: int,
    scores: NDArray[np.float64],
    found: NDArray[np.int64],
    answered: NDArray[np.bool_],
) -> None:
    """Searches cluster after cluster, the nearest centres first, then the codes after the last."""
    clusters = len(codes.centres)
    clustered = codes.starts[-1]
    distances = np.empty(clusters, np.int64)
    for row in range(len(queries)):
        query, top = queries[row], topk.TopScores(scores[row], found[row])
        _measure(codes.centres, query, distances)
        order = _ascending(distances, codes.bits)
        nearest = distances[order[0]] if clusters else 0
        read, decided = 0, False
        answered[row] = True
        for place in range(clusters):
            cluster = order[place]
            limit = _limit(top, farthest)
            if (distances[cluster] - nearest + 1) // 2 > limit:
                break
            if not decided and read >= clustered // UNDECIDED:
                decided = True
                if _in_reach(distances, codes.starts, codes.radii, codes.bits, limit) > most:
                    answered[row] = False
                    break
            if distances[cluster] - codes.radii[cluster] > limit:
                continue
            start, stop = _window(codes.starts, codes.bits, cluster, distances[cluster], limit)
            _scan(codes, query, start, stop, farthest, top)
            read += stop - start
        if answered[row]:
            _scan(codes, query, clustered, codes.total, farthest, top)


@compiled
def _measure(centres: Words, query: Words, distances: NDArray[np.int64]) -> None:
    for cluster in range(len(centres)):
        distance = 0
        for word in range(len(query)):
            distance += popcount(centres[cluster, word] ^ query[word])
        distances[cluster] = distance


@compiled
def _ascending(distances: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """The clusters by ascending distance, by counting."""
    ends = np.zeros(bits + 2, np.int64)
    for distance in distances:
        ends[distance + 1] += 1
    for distance in range(bits + 1):
        ends[distance + 1] += ends[distance]
    order = np.empty(len(distances), np.int64)
    for cluster in range(len(distances)):
        order[ends[distances[cluster]]] = cluster
        ends[distances[cluster]] += 1
    return order


@compiled
def _limit(top: topk.TopScores, farthest: int) -> int:
    """Codes that are farther away than this are not wanted."""
    score = topk.kth_score(top)
    return farthest if score == topk.NO_SCORE else min(farthest, int(-score))


@compiled
def _window(
    starts: NDArray[np.int64], bits: int, cluster: int, distance: int, limit: int
) -> tuple[int, int]:
    """The positions of the codes of a cluster that can be within the limit of a query."""
    first = cluster * (bits + 1)
    nearest, farthest = max(distance - limit, 0), min(distance + limit, bits)
    return starts[first + nearest], starts[first + farthest + 1]


@compiled
def _in_reach(
    distances: NDArray[np.int64],
    starts: NDArray[np.int64],
    radii: NDArray[np.int64],
    bits: int,
    limit: int,
) -> int:
    """How many clustered codes can be within the limit of a query."""
    total, nearest = 0, distances.min()
    for cluster in range(len(distances)):
        near = (distances[cluster] - nearest + 1) // 2 <= limit
        if near and distances[cluster] - radii[cluster] <= limit:
            start, stop = _window(starts, bits, cluster, distances[cluster], limit)
            total += stop - start
    return total


@compiled
def _scan(
    codes: _Codes, query: Words, start: int, stop: int, farthest: int, top: topk.TopScores
) -> None:
    """Compares the codes from position `start` to `stop` with a query."""
    words, length = codes.words, codes.length
    limit = _limit(top, farthest)
    for position in range(start // WIDTH * WIDTH, stop, WIDTH):
        group, place = position // GROUP_SIZE, position % GROUP_SIZE
        base = first_word(group, length) + place
        allowed = codes.allowed[group] >> np.uint64(place) & ALL_LANES
        if allowed == 0:
            continue
        total = broadcast(-limit - 1)
        for word in range(len(query)):
            prefetch_lanes(words, base + _AHEAD + word * RUN_SIZE)
            lanes = load_lanes(words, base + word * RUN_SIZE)
            total = add_distance(total, lanes, load_word(query, word))
        hits = negative_lanes(total) & allowed
        if position < start:
            hits &= ALL_LANES << np.uint64(start - position)
        if position + WIDTH > stop:
            hits &= ALL_LANES >> np.uint64(position + WIDTH - stop)
        while hits:
            lane = lowest_bit(hits)
            hits &= hits - np.uint64(1)
            distance = distance_at(words, base + lane, len(query), query, 0)
            if distance <= limit and topk.insert_score(
                top, float(-distance), codes.ids[position + lane]
            ):
                limit = _limit(top, farthest)
