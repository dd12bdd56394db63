"""Codes in memory in clustered order, with those that were added or removed since."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dualhash.search.kernels import (
    Bitmap,
    CodeMatrix,
    bitmap_of,
    k_nearest,
    members,
    size,
    within_radius,
)
from dualhash.search.kernels.clustered import MOST_READ, codes_to_read, nearest_in_clusters
from dualhash.search.kernels.clusters import (
    Clusters,
    cluster,
    learn_centres,
    no_clusters,
)
from dualhash.search.kernels.layout import Ids

SPARE = 16
"""Results beyond 2 k that are read to find all codes that are as far away as the k-th."""

TRIAL = 8
"""If none of this many queries is answered from clusters, others are not tried."""

QUERIES = 32
"""Queries that decide whether codes lie in clumps."""

Found = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_]]
"""Distances (Q, k), ids (Q, k), and for which of Q queries they are complete (Q,)."""


@dataclass(frozen=True, eq=False)
class ClusteredCodes:
    """Codes with ids. Of several with one id, all but one are removed.

    Attributes:
        matrix: n codes; the first of them as `clusters` orders them, the others in any order.
        ids: (n,), of the codes in `matrix`; uint32, to save memory, while they are small enough.
        existing: Those that are not removed.
        clusters: The order of the first codes, by their ranking bits.
    """

    matrix: CodeMatrix
    ids: Ids
    existing: Bitmap
    clusters: Clusters

    @classmethod
    def of(
        cls,
        matrix: CodeMatrix,
        ids: Ids,
        clusters: Clusters | None = None,
    ) -> "ClusteredCodes":
        """Takes codes in the order of the clusters, if any."""
        clusters = clusters or no_clusters(matrix.ranking_bits // 8)
        return cls(matrix, small(ids), matrix.everything, clusters)

    @cached_property
    def count(self) -> int:
        """The number of codes that are not removed."""
        return size(self.existing)

    @property
    def in_clusters(self) -> int:
        """The number of leading codes in `matrix` that are in clusters."""
        return int(self.clusters.starts[-1])

    def positions(self) -> NDArray[np.int64]:
        """Returns the positions in `matrix` of the codes that are not removed."""
        return np.flatnonzero(members(self.existing, self.matrix.count))

    def extended(self, codes: NDArray[np.uint8], ids: NDArray[np.int64]) -> "ClusteredCodes":
        """Adds packed codes (m, bits/8) with ids (m,), of which no code is there."""
        removed = self.matrix.everything & ~self.existing
        matrix = self.matrix.extended(codes)
        existing = matrix.everything.copy()
        existing[: len(removed)] &= ~removed
        ids_now = np.concatenate([self.ids, small(ids)])
        return replace(self, matrix=matrix, ids=ids_now, existing=existing)

    def without(self, positions: NDArray[np.int64]) -> "ClusteredCodes":
        """Removes the codes at some positions."""
        return replace(self, existing=self.existing & ~bitmap_of(positions, self.matrix.count))

    @cached_property
    def ascending(self) -> bool:
        """Whether positions are in the order of ids."""
        return bool((self.ids[1:] > self.ids[:-1]).all())

    def nearest(
        self,
        queries: NDArray[np.uint8],
        k: int,
        threads: int,
        allowed: Bitmap | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Returns the k nearest codes of each of Q queries, exactly.

        Args:
            queries: (Q, bits/8) uint8, packed; their ranking bits are compared.
            k: At least 1.
            threads: Number of threads; the result does not depend on it.
            allowed: The codes to search, some of those that are not removed; by default all.

        Returns:
            Distances (Q, m) int32 and ids (Q, m) int64, in ascending order of (distance, id); m is
            the smaller of k and the number of allowed codes.
        """
        allowed = self.existing if allowed is None else allowed
        k = min(k, size(allowed))
        distances = np.empty((len(queries), k), np.int32)
        ids = np.empty((len(queries), k), np.int64)
        complete = np.full(len(queries), not k)
        if k and self.in_clusters:
            for rows in (slice(TRIAL), slice(TRIAL, None))[: 1 + (len(queries) > TRIAL)]:
                found = self._in_clusters(queries[rows], k, threads, allowed)
                distances[rows], ids[rows], complete[rows] = found
                if not complete[rows].any():
                    break
        if not complete.all():
            rest = np.flatnonzero(~complete)
            found = self._in_all(queries[rest], k, threads, allowed)
            distances[rest], ids[rest], complete[rest] = found
        if not complete.all():
            rest = np.flatnonzero(~complete)
            found = self._in_clusters(queries[rest], k, threads, allowed, most_read=1.0)
            distances[rest], ids[rest], _ = found
        return distances, ids

    def within(
        self,
        query: NDArray[np.uint8],
        radius: int,
        threads: int,
        allowed: Bitmap | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Returns all codes within a radius: distances and ids (m,), ordered by (distance, id).

        Args:
            query: (bits/8,) uint8, packed; its ranking bits are compared.
            radius: At least 0.
            threads: As for `nearest`.
            allowed: As for `nearest`.
        """
        allowed, count = self.existing if allowed is None else allowed, self.matrix.count
        most = count - self.in_clusters + codes_to_read(self.clusters, query, radius)
        if most > MOST_READ * count:
            far, positions = within_radius(
                self.matrix, query, radius, allowed=allowed, threads=threads
            )
            found = self.ids[positions].astype(np.int64)
            order = np.lexsort((found, far))
            return far[order], found[order]
        distances, ids, _ = self._in_clusters(
            query[None], max(most, 1), 1, allowed, radius=radius, most_read=1.0
        )
        near = distances[0] <= radius
        return distances[0, near], ids[0, near]

    def _in_clusters(
        self,
        queries: NDArray[np.uint8],
        k: int,
        threads: int,
        allowed: Bitmap,
        *,
        radius: int | None = None,
        most_read: float = MOST_READ,
    ) -> Found:
        return nearest_in_clusters(
            self.matrix,
            self.ids,
            self.clusters,
            queries,
            k,
            allowed=allowed,
            radius=radius,
            threads=threads,
            most_read=most_read,
        )

    def _in_all(self, queries: NDArray[np.uint8], k: int, threads: int, allowed: Bitmap) -> Found:
        """Reads all codes; a query is complete if all codes as far away as the k-th were found."""
        most = k if self.ascending else 2 * k + SPARE
        far, positions = k_nearest(self.matrix, queries, most, allowed=allowed, threads=threads)
        found = self.ids[positions].astype(np.int64)
        if self.ascending:
            return far, found, np.ones(len(queries), np.bool_)
        order = np.lexsort((found, far))[:, :k]
        complete = (far[:, k - 1] < far[:, -1]) | (far.shape[1] == size(allowed))
        return (
            np.take_along_axis(far, order, axis=1),
            np.take_along_axis(found, order, axis=1),
            complete,
        )


def small(ids: Ids) -> Ids:
    """Returns ids as uint32 if all of them are small enough, else as int64."""
    if len(ids) and ids.max() > np.iinfo(np.uint32).max:
        return ids
    return ids.astype(np.uint32, copy=False)


def centres_of(sample: NDArray[np.uint8], count: int, threads: int) -> NDArray[np.uint8]:
    """Returns centres (C, k/8) for codes; none if leaving out clusters makes searches no faster.

    Args:
        sample: (m, k/8) uint8, packed, some of the codes, in random order.
        count: The number of codes.
        threads: Number of threads; the result does not depend on it.
    """
    centres = learn_centres(sample, count, threads)
    return centres if _in_clumps(sample, centres, threads) else sample[:0]


def _in_clumps(sample: NDArray[np.uint8], centres: NDArray[np.uint8], threads: int) -> bool:
    """Whether most codes of a sample find the nearest other one without reading too much."""
    clusters, order = cluster(sample, centres, threads)
    matrix = CodeMatrix.of(sample[order])
    queries = sample[:: len(sample) // QUERIES + 1]
    _, _, answered = nearest_in_clusters(
        matrix, order, clusters, queries, 2, allowed=matrix.everything, threads=threads
    )
    return bool(answered.mean() > 1 / 2)
