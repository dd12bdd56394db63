"""The k best codes so far: by Hamming distance, for several queries, or by score."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from dualhash.jit import compiled
from dualhash.search.kernels.layout import Bitmap, CodeMatrix, Ids, Words
from dualhash.search.kernels.threads import run_in_threads

POSITION_BITS = 40
LIMIT, NEARER, COUNT = range(3)
NO_CANDIDATE = np.iinfo(np.int64).max
NO_SCORE = -math.inf
"""Below every score."""


class TopDistances(NamedTuple):
    """The results so far of a scan in order of positions, for Q queries.

    Attributes:
        k: The number of codes wanted.
        state: (Q, 3). LIMIT: only codes nearer than this can still be among the k nearest; it is
            the distance of the k-th, since among equal distances the first positions win. NEARER:
            the number of codes found nearer than the limit, below k. COUNT: the number of
            candidates.
        histogram: (Q, bits + 1) the number of codes found at each distance below the limit.
        candidates: (Q, room) distance * 2^40 + position, in order of positions. Candidates beyond
            the room are only counted.
    """

    k: int
    state: NDArray[np.int64]
    histogram: NDArray[np.int64]
    candidates: NDArray[np.int64]


def no_distances(queries: int, bits: int, k: int) -> TopDistances:
    """The state before a search for the k nearest codes: the limit is above every distance."""
    return no_distances_within(bits, queries, bits, k, _candidate_limit(k))


def no_distances_within(radius: int, queries: int, bits: int, k: int, room: int) -> TopDistances:
    """The state before a search for the codes at distances up to `radius`."""
    state = np.zeros((queries, 3), np.int64)
    state[:, LIMIT] = radius + 1
    histogram = np.zeros((queries, bits + 1), np.int64)
    return TopDistances(k, state, histogram, np.empty((queries, room), np.int64))


@compiled
def _candidate_limit(k: int) -> int:
    """At this many candidates, all but the k nearest are dropped."""
    return 2 * k + 64


@compiled
def insert_distance(top: TopDistances, query: int, distance: int, position: int) -> None:
    """Inserts a code that is nearer than the limit and behind all earlier positions."""
    count = top.state[query, COUNT]
    if count < top.candidates.shape[1]:
        top.candidates[query, count] = distance << POSITION_BITS | position
    top.state[query, COUNT] = count + 1
    top.histogram[query, distance] += 1
    limit, nearer = top.state[query, LIMIT], top.state[query, NEARER] + 1
    while nearer >= top.k:
        limit -= 1
        nearer -= top.histogram[query, limit]
    top.state[query, LIMIT], top.state[query, NEARER] = limit, nearer
    if count + 1 == _candidate_limit(top.k):
        _drop_farthest(top.candidates[query], top.state[query], top.k - nearer)


@compiled
def _drop_farthest(candidates: NDArray[np.int64], state: NDArray[np.int64], ties: int) -> None:
    """Drops candidates at or beyond the limit, except the first `ties` of them at the limit."""
    count = 0
    for candidate in candidates:
        distance = candidate >> POSITION_BITS
        tie = distance == state[LIMIT] and ties > 0
        if distance < state[LIMIT] or tie:
            candidates[count] = candidate
            count += 1
            ties -= tie
    state[COUNT] = count


def merge_distances(parts: list[TopDistances]) -> NDArray[np.int64]:
    """Merges the candidates of all parts, (Q, most), ascending, padded with the largest number.

    Every part must have had room for all its candidates.
    """
    widest = max(int(part.state[:, COUNT].max()) for part in parts)
    column = np.arange(widest)
    found = [
        np.where(column < part.state[:, COUNT:], part.candidates[:, :widest], NO_CANDIDATE)
        for part in parts
    ]
    return np.sort(np.concatenate(found, axis=1), axis=1)


def split_candidates(candidates: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Splits candidates of any shape into distances and positions."""
    distances = (candidates >> POSITION_BITS).astype(np.int32)
    return distances, candidates & ((1 << POSITION_BITS) - 1)


class TopScores(NamedTuple):
    """A heap of at most k codes with the last in order at the root.

    Attributes:
        scores: (k,) float64, NO_SCORE for unused entries.
        ids: (k,) int64.
    """

    scores: NDArray[np.float64]
    ids: NDArray[np.int64]


def no_scores(k: int) -> TopScores:
    """The state before a search."""
    return TopScores(np.full(k, NO_SCORE), np.full(k, np.iinfo(np.int64).max))


@compiled
def kth_score(top: TopScores) -> float:
    """The k-th best score; NO_SCORE while there are fewer than k codes."""
    score: float = top.scores[0]
    return score


@compiled
def insert_score(top: TopScores, score: float, item: int) -> bool:
    """Inserts a code, given its id, if it is better than the k-th; returns whether it is."""
    scores, ids = top
    if not _before(score, item, scores[0], ids[0]):
        return False
    row = 0
    while 2 * row + 1 < len(scores):
        child = 2 * row + 1
        other = child + 1
        if other < len(scores) and _before(scores[child], ids[child], scores[other], ids[other]):
            child = other
        if not _before(score, item, scores[child], ids[child]):
            break
        scores[row], ids[row] = scores[child], ids[child]
        row = child
    scores[row], ids[row] = score, item
    return True


@compiled
def _before(score: float, item: int, other_score: float, other_item: int) -> bool:
    return score > other_score or (score == other_score and item < other_item)


class Part(NamedTuple):
    """Codes to score: no score is above `highest`, scores below `floor` are not wanted.

    `ids` are those of all codes.
    """

    codes: Bitmap
    ids: Ids
    highest: float
    floor: float


Scoring = TypeVar("Scoring")


def best_scores(
    kernel: Callable[[Words, Part, int, int, Scoring, TopScores], None],
    matrix: CodeMatrix,
    ids: Ids | None,
    scoring: Scoring,
    parts: Iterable[tuple[Bitmap, float]],
    k: int,
    threads: int,
) -> TopScores:
    """Scores parts one after the other, except those that cannot change the result.

    Args:
        kernel: Inserts the best codes of a range of groups of a part.
        matrix: The codes.
        ids: Their ids (n,), different; their positions by default.
        scoring: How the kernel scores.
        parts: Disjoint sets of codes, each with an upper bound of its scores.
        k: The number of codes wanted.
        threads: The threads that share the groups of a part.

    Returns:
        The k best codes of all parts by descending score, then by id.
    """
    best = no_scores(0)
    ids = np.arange(matrix.count, dtype=np.uint32) if ids is None else ids
    for codes, highest in parts:
        floor = float(best.scores[-1]) if k and len(best.scores) == k else NO_SCORE
        if floor > highest or not codes.any():
            continue
        part = Part(codes, ids, highest, floor)

        def scan_range(start: int, stop: int, part: Part = part) -> TopScores:
            top = no_scores(k)
            kernel(matrix.words, part, start, stop, scoring, top)
            return top

        best = merge_scores([best, *run_in_threads(scan_range, len(codes), threads)], k)
    return best


def merge_scores(parts: list[TopScores], k: int) -> TopScores:
    """Merges parts: the k best codes by descending score, then by id."""
    scores = np.concatenate([part.scores for part in parts])
    ids = np.concatenate([part.ids for part in parts])
    found = scores != NO_SCORE
    scores, ids = scores[found], ids[found]
    order = np.lexsort((ids, -scores))[:k]
    return TopScores(scores[order], ids[order])
