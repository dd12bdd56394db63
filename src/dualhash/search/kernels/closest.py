"""The k closest codes seen so far, of each of several queries."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.search.kernels.compiled import compiled


class Closest(NamedTuple):
    """What a scan in order of positions has found, for Q queries.

    Attributes:
        k: How many are looked for.
        limit: (Q,) only codes nearer than this can still be among the k closest: the distance of
            the k-th, since of codes at the same distance the first ones stay.
        nearer: (Q,) how many were found nearer than the limit, below k.
        histogram: (Q, distances) how many were found at each distance below the limit.
        count: (Q,) candidates kept.
        distances: (Q, room) of the candidates, which stand in order of positions.
        positions: (Q, room) of the candidates.
    """

    k: int
    limit: NDArray[np.int64]
    nearer: NDArray[np.int64]
    histogram: NDArray[np.int64]
    count: NDArray[np.int64]
    distances: NDArray[np.int32]
    positions: NDArray[np.int64]


def nothing(queries: int, bits: int, k: int) -> Closest:
    """Before a scan: every code of `bits` bits is near enough."""
    room = 2 * k + 64
    return Closest(
        k=k,
        limit=np.full(queries, bits + 1),
        nearer=np.zeros(queries, np.int64),
        histogram=np.zeros((queries, bits + 1), np.int64),
        count=np.zeros(queries, np.int64),
        distances=np.empty((queries, room), np.int32),
        positions=np.empty((queries, room), np.int64),
    )


@compiled
def keep(closest, query, distance, position):  # type: ignore[no-untyped-def]
    """Takes note of a code nearer than the limit, further on than all before it."""
    row = closest.count[query]
    closest.distances[query, row] = distance
    closest.positions[query, row] = position
    closest.count[query] = row + 1
    closest.histogram[query, distance] += 1
    limit, nearer = closest.limit[query], closest.nearer[query] + 1
    while nearer >= closest.k:
        limit -= 1
        nearer -= closest.histogram[query, limit]
    closest.limit[query], closest.nearer[query] = limit, nearer
    if row + 1 == closest.distances.shape[1]:
        _drop(closest, query)


@compiled
def _drop(closest, query):  # type: ignore[no-untyped-def]
    """Drops the candidates that are no longer among the k closest."""
    limit, ties = closest.limit[query], closest.k - closest.nearer[query]
    kept = 0
    for row in range(closest.count[query]):
        distance = closest.distances[query, row]
        if distance < limit or (distance == limit and ties > 0):
            ties -= distance == limit
            closest.distances[query, kept] = distance
            closest.positions[query, kept] = closest.positions[query, row]
            kept += 1
    closest.count[query] = kept


def best(
    parts: list[Closest], k: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The k closest of all parts, whose positions ascend from part to part.

    Returns:
        Distances (Q, k) and positions (Q, k), in ascending order of (distance, position). The parts
        must have seen at least k codes.
    """
    queries = len(parts[0].count)
    distances, positions = np.empty((queries, k), np.int32), np.empty((queries, k), np.int64)
    for query in range(queries):
        rows = [slice(part.count[query]) for part in parts]
        far = np.concatenate([p.distances[query, row] for p, row in zip(parts, rows, strict=True)])
        where = np.concatenate([p.positions[query, r] for p, r in zip(parts, rows, strict=True)])
        order = np.argsort(far, kind="stable")[:k]
        distances[query], positions[query] = far[order], where[order]
    return distances, positions
