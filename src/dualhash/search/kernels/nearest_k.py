"""The k closest codes seen so far, of each of several queries."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.search.kernels.jit import compiled

POSITION_BITS = 40
LIMIT, NEARER, COUNT = range(3)
NONE = np.iinfo(np.int64).max


class Closest(NamedTuple):
    """What a scan in order of positions has found, for Q queries.

    Attributes:
        k: How many are looked for.
        state: (Q, 3) LIMIT: only codes nearer than this can still be among the k closest. It is the
            distance of the k-th, since of codes at the same distance the first ones stay. NEARER:
            how many were found nearer than the limit, below k. COUNT: how many candidates are kept.
        histogram: (Q, bits + 1) how many were found at each distance below the limit.
        candidates: (Q, room) distance * 2^40 + position, in order of positions. What there is no
            room for is only counted.
    """

    k: int
    state: NDArray[np.int64]
    histogram: NDArray[np.int64]
    candidates: NDArray[np.int64]


def nothing(queries: int, bits: int, k: int) -> Closest:
    """Before a search for the k closest: every code of `bits` bits is near enough."""
    return nothing_within(bits, queries, bits, k, _dropping(k))


def nothing_within(radius: int, queries: int, bits: int, k: int, room: int) -> Closest:
    """Before a search among the codes at distances up to `radius`."""
    state = np.zeros((queries, 3), np.int64)
    state[:, LIMIT] = radius + 1
    histogram = np.zeros((queries, bits + 1), np.int64)
    return Closest(k, state, histogram, np.empty((queries, room), np.int64))


@compiled
def _dropping(k: int) -> int:
    """So many candidates are gone through again, to keep the k closest."""
    return 2 * k + 64


@compiled
def keep(closest: Closest, query: int, distance: int, position: int) -> None:
    """Takes note of a code nearer than the limit, further on than all before it."""
    count = closest.state[query, COUNT]
    if count < closest.candidates.shape[1]:
        closest.candidates[query, count] = distance << POSITION_BITS | position
    closest.state[query, COUNT] = count + 1
    closest.histogram[query, distance] += 1
    limit, nearer = closest.state[query, LIMIT], closest.state[query, NEARER] + 1
    while nearer >= closest.k:
        limit -= 1
        nearer -= closest.histogram[query, limit]
    closest.state[query, LIMIT], closest.state[query, NEARER] = limit, nearer
    if count + 1 == _dropping(closest.k):
        _drop(closest.candidates[query], closest.state[query], closest.k - nearer)


@compiled
def _drop(candidates: NDArray[np.int64], state: NDArray[np.int64], ties: int) -> None:
    """Drops the candidates that are not nearer than the limit, but for the first few ties."""
    count = 0
    for candidate in candidates:
        distance = candidate >> POSITION_BITS
        tie = distance == state[LIMIT] and ties > 0
        if distance < state[LIMIT] or tie:
            candidates[count] = candidate
            count += 1
            ties -= tie
    state[COUNT] = count


def in_order(parts: list[Closest]) -> NDArray[np.int64]:
    """The candidates of all parts, (Q, most) in ascending order, filled up with the largest number.

    Parts must have had room.
    """
    widest = max(int(part.state[:, COUNT].max()) for part in parts)
    column = np.arange(widest)
    found = [
        np.where(column < part.state[:, COUNT:], part.candidates[:, :widest], NONE)
        for part in parts
    ]
    return np.sort(np.concatenate(found, axis=1), axis=1)


def split(candidates: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Distances and positions of candidates, any shape."""
    distances = (candidates >> POSITION_BITS).astype(np.int32)
    return distances, candidates & ((1 << POSITION_BITS) - 1)
