"""Codes in memory in clustered order, with those that were added or removed since."""

import os
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dualhash.search.kernels import (
    Bitmap,
    CodeMatrix,
    bitmap,
    k_nearest,
    members,
    size,
    within_radius,
)
from dualhash.search.kernels.clustered import MOST_READ, codes_to_read, nearest_in_clusters
from dualhash.search.kernels.clusters import (
    Clusters,
    cluster,
    draw_sample,
    learn_centres,
    no_clusters,
)

FEWEST = 1 << 16
"""Fewer codes are not clustered: all are read faster."""

TAIL_SHARE = 1 / 4
"""Codes are clustered again when more than this share was added since the last time."""

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
    """n codes of k bits with different ids.

    Attributes:
        matrix: The codes; the first of them as `clusters` orders them, the others as they came.
        ids: (count,) int64, of the codes in `matrix`.
        existing: Those that are not removed.
        clusters: The order of the first codes.
        ordered: How many codes there were when they were last put in order.
    """

    matrix: CodeMatrix
    ids: NDArray[np.int64]
    existing: Bitmap
    clusters: Clusters
    ordered: int

    @classmethod
    def of(
        cls, codes: NDArray[np.uint8], ids: NDArray[np.int64], clusters: Clusters | None = None
    ) -> "ClusteredCodes":
        """Takes packed codes (n, k/8) and ids (n,), in the order of the clusters, if any."""
        matrix = CodeMatrix.of(codes)
        clusters = no_clusters(codes.shape[1]) if clusters is None else clusters
        ordered = int(clusters.starts[-1]) if len(clusters.centres) else len(codes)
        return cls(matrix, ids, matrix.everything, clusters, ordered)

    @cached_property
    def count(self) -> int:
        """The number n of codes that are not removed."""
        return size(self.existing)

    def positions(self) -> NDArray[np.int64]:
        """Returns the positions (n,) in `matrix` of the codes that are not removed."""
        return np.flatnonzero(members(self.existing, self.matrix.count))

    def positions_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the positions of those of some ids that are there, in any order."""
        there = np.isin(self.ids, ids) & members(self.existing, self.matrix.count)
        return np.flatnonzero(there)

    def extended(self, codes: NDArray[np.uint8], ids: NDArray[np.int64]) -> "ClusteredCodes":
        """Adds packed codes (m, k/8) with ids (m,) that are not there."""
        removed = self.matrix.everything & ~self.existing
        matrix = self.matrix.extended(codes)
        existing = matrix.everything.copy()
        existing[: len(removed)] &= ~removed
        extended = replace(
            self, matrix=matrix, ids=np.concatenate([self.ids, ids]), existing=existing
        )
        few = matrix.count - self.ordered <= max(FEWEST, TAIL_SHARE * self.ordered)
        return extended if few else extended.clustered()

    def without(self, positions: NDArray[np.int64]) -> "ClusteredCodes":
        """Removes the codes at some positions."""
        kept = members(self.existing, self.matrix.count).copy()
        kept[positions] = False
        rest = replace(self, existing=bitmap(kept))
        return rest if 2 * rest.count >= self.matrix.count else rest.clustered()

    def clustered(self) -> "ClusteredCodes":
        """Returns the codes that are not removed, in clustered order if that helps searches."""
        positions = self.positions()
        positions = positions[np.argsort(self.ids[positions])]
        codes, ids = self.matrix.codes(positions), self.ids[positions]
        if len(codes) <= FEWEST:
            return ClusteredCodes.of(codes, ids)
        sample, threads = draw_sample(codes, np.random.default_rng(0)), os.cpu_count() or 1
        centres = learn_centres(sample, len(codes), threads)
        if not _in_clumps(sample, centres, threads):
            return ClusteredCodes.of(codes, ids)
        clusters, order = cluster(codes, centres, threads)
        return ClusteredCodes.of(codes[order], ids[order], clusters)

    @cached_property
    def ascending(self) -> bool:
        """Whether positions are in the order of ids."""
        return bool((self.ids[1:] > self.ids[:-1]).all())

    def nearest(
        self, queries: NDArray[np.uint8], k: int, threads: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Returns distances and ids (Q, k) of the k nearest codes, ordered by (distance, id).

        Args:
            queries: (Q, k/8) uint8, packed.
            k: At least 1, at most n.
            threads: Number of threads; the result does not depend on it.
        """
        distances = np.empty((len(queries), k), np.int32)
        ids = np.empty((len(queries), k), np.int64)
        complete = np.zeros(len(queries), np.bool_)
        if len(self.clusters.centres):
            for rows in (slice(TRIAL), slice(TRIAL, None))[: 1 + (len(queries) > TRIAL)]:
                found = self._in_clusters(queries[rows], k, threads)
                distances[rows], ids[rows], complete[rows] = found
                if not complete[rows].any():
                    break
        if not complete.all():
            rest = np.flatnonzero(~complete)
            found = self._in_all(queries[rest], k, threads)
            distances[rest], ids[rest], complete[rest] = found
        if not complete.all():
            rest = np.flatnonzero(~complete)
            found = self._in_clusters(queries[rest], k, threads, most_read=1.0)
            distances[rest], ids[rest], _ = found
        return distances, ids

    def within(
        self, query: NDArray[np.uint8], radius: int, threads: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Returns distances and ids (m,) of all codes within a radius, by (distance, id)."""
        count = self.matrix.count
        most = count - int(self.clusters.starts[-1]) + codes_to_read(self.clusters, query, radius)
        if most > MOST_READ * count:
            far, positions = within_radius(
                self.matrix, query, radius, allowed=self.existing, threads=threads
            )
            found = self.ids[positions]
            order = np.lexsort((found, far))
            return far[order], found[order]
        distances, ids, _ = self._in_clusters(
            query[None], max(most, 1), 1, radius=radius, most_read=1.0
        )
        near = distances[0] <= radius
        return distances[0, near], ids[0, near]

    def _in_clusters(
        self,
        queries: NDArray[np.uint8],
        k: int,
        threads: int,
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
            allowed=self.existing,
            radius=radius,
            threads=threads,
            most_read=most_read,
        )

    def _in_all(self, queries: NDArray[np.uint8], k: int, threads: int) -> Found:
        """Reads all codes; a query is complete if all codes as far away as the k-th were found."""
        most = k if self.ascending else 2 * k + SPARE
        far, positions = k_nearest(
            self.matrix, queries, most, allowed=self.existing, threads=threads
        )
        found = self.ids[positions]
        if self.ascending:
            return far, found, np.ones(len(queries), np.bool_)
        order = np.lexsort((found, far))[:, :k]
        complete = (far[:, k - 1] < far[:, -1]) | (far.shape[1] == self.count)
        return (
            np.take_along_axis(far, order, axis=1),
            np.take_along_axis(found, order, axis=1),
            complete,
        )


def _in_clumps(sample: NDArray[np.uint8], centres: NDArray[np.uint8], threads: int) -> bool:
    """Whether most codes of a sample find the nearest other one without reading too much."""
    clusters, order = cluster(sample, centres, threads)
    matrix = CodeMatrix.of(sample[order])
    queries = sample[:: len(sample) // QUERIES + 1]
    _, _, answered = nearest_in_clusters(
        matrix, order, clusters, queries, 2, allowed=matrix.everything, threads=threads
    )
    return bool(answered.mean() > 1 / 2)
