"""The k closest codes seen so far, of each of several queries."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.search.kernels.compiled import compiled

POSITION_BITS = 40
LIMIT, NEARER, COUNT = range(3)


class Closest(NamedTuple):
    """What a scan in order of positions has found, for Q queries.

    Attributes:
        k: How many are looked for.
        state: (Q, 3) LIMIT: only codes nearer than this can still be among the k closest. It is the
            distance of the k-th, since of codes at the same distance the first ones stay. NEARER:
            how many were found nearer than the limit, below k. COUNT: how many candidates are kept.
        histogram: (Q, k + 1) how many were found at each distance below the limit.
        candidates: (Q, room) distance * 2^40 + position, in order of positions.
    """

    k: int
    state: NDArray[np.int64]
    histogram: NDArray[np.int64]
    candidates: NDArray[np.int64]


def nothing(queries: int, bits: int, k: int) -> Closest:
    """Before a scan: every code of `bits` bits is near enough."""
    state = np.zeros((queries, 3), np.int64)
    state[:, LIMIT] = bits + 1
    histogram = np.zeros((queries, bits + 1), np.int64)
    return Closest(k, state, histogram, np.empty((queries, 2 * k + 64), np.int64))


@compiled
def keep(closest, query, distance, position):  # type: ignore[no-untyped-def]
    """Takes note of a code nearer than the limit, further on than all before it."""
    count = closest.state[query, COUNT]
    closest.candidates[query, count] = distance << POSITION_BITS | position
    closest.state[query, COUNT] = count + 1
    closest.histogram[query, distance] += 1
    limit, nearer = closest.state[query, LIMIT], closest.state[query, NEARER] + 1
    while nearer >= closest.k:
        limit -= 1
        nearer -= closest.histogram[query, limit]
    closest.state[query, LIMIT], closest.state[query, NEARER] = limit, nearer
    if count + 1 == closest.candidates.shape[1]:
        _drop(closest.candidates[query], closest.state[query], closest.k - nearer)


@compiled
def _drop(candidates, state, ties):  # type: ignore[no-untyped-def]
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


def best(parts: list[Closest], k: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The k closest of all parts, which must have seen at least k codes.

    Returns:
        Distances (Q, k) and positions (Q, k), in ascending order of (distance, position).
    """
    widest = max(int(part.state[:, COUNT].max()) for part in parts)
    found = np.concatenate([part.candidates[:, :widest] for part in parts], axis=1)
    counts = np.concatenate([np.minimum(p.state[:, COUNT:], widest) for p in parts], axis=1)
    column = np.arange(widest)
    found[(column >= counts[..., None]).reshape(found.shape)] = np.iinfo(np.int64).max
    found.partition(k - 1, axis=1)
    first = np.sort(found[:, :k], axis=1)
    return (first >> POSITION_BITS).astype(np.int32), first & ((1 << POSITION_BITS) - 1)
