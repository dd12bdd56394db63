"""Codes in memory by id, and bitmaps of the codes that have an attribute."""

import os
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.search.clustered_codes import ClusteredCodes, small
from dualhash.search.kernels import (
    Bitmap,
    CategoryPosteriors,
    CodeMatrix,
    attribute_bitmaps,
    attribute_bounds,
    bitmap_of,
    category_posteriors,
)
from dualhash.search.kernels.clusters import arrange
from dualhash.search.kernels.layout import GROUP_SIZE, Ids, rows_of
from dualhash.search.ranking.attribute_predicates import AttributePredicates

Criterion = tuple[bytes, bytes, float]
"""Weights and bias of one attribute, and the probability from which it counts as present."""

Parts = Iterable[tuple[NDArray[np.int64], NDArray[np.uint8]]]
"""Ids (m,) and packed codes (m, k/8)."""

WAITING = 8
"""Blocks of codes that are read while earlier ones are still written to their places."""

MAX_BITMAPS = 256
"""Bitmaps of attributes that are kept for later searches."""


MAX_BOUNDS = 32
"""Bounds of attributes that are kept for later searches."""


@dataclass(frozen=True, eq=False)
class CodeTable:
    """N codes with different ids; also those that are deleted.

    Attributes:
        codes: The codes, by position. Deleted and replaced ones keep their positions.
        by_id: (N,) uint32, the positions of the codes in ascending order of their ids.
    """

    codes: ClusteredCodes
    by_id: NDArray[np.uint32]
    _present: dict[Criterion, Bitmap] = field(default_factory=dict)
    _posteriors: dict[tuple[bytes, bytes], CategoryPosteriors] = field(default_factory=dict)
    _bounds: dict[tuple[bytes, bytes], NDArray[np.float32]] = field(default_factory=dict)

    @classmethod
    def empty(cls, bits: int, ranking_bits: int | None = None) -> "CodeTable":
        """Creates an empty table for codes of `bits` bits."""
        matrix = CodeMatrix.empty(bits, ranking_bits)
        return cls(ClusteredCodes.of(matrix, np.empty(0, np.int64)), np.empty(0, np.uint32))

    def filled(
        self, parts: Parts, filed: NDArray[np.uint16], centres: NDArray[np.uint8]
    ) -> "CodeTable":
        """Returns other codes in clustered order; each is written to its place at once.

        Args:
            parts: Ids (m,), ascending through all parts, and packed codes (m, k/8).
            filed: (N, 2), for the codes of all parts: the number of the centre and the distance.
            centres: (C, ranking bits/8), packed.
        """
        clusters, by_id = arrange(filed, centres)
        empty = self.codes.matrix
        room = CodeMatrix.empty(empty.bits, empty.ranking_bits, room=len(by_id))
        matrix, start = replace(room, count=len(by_id)), 0
        ids: Ids = np.empty(len(by_id), np.uint32)
        writing: deque[Future[None]] = deque()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for more, codes in parts:
                positions = by_id[start : start + len(more)].astype(np.int64)
                writing.append(pool.submit(matrix.replace, positions, codes))
                if len(writing) > WAITING:
                    writing.popleft().result()
                if small(more).dtype != ids.dtype:
                    ids = ids.astype(np.int64)
                ids[positions] = more
                start += len(more)
            for each in writing:
                each.result()
        return CodeTable(ClusteredCodes.of(matrix, ids, clusters), by_id)

    def extended(self, parts: Parts) -> "CodeTable":
        """Appends ids (m,), ascending and above those of the table, and codes (m, k/8)."""
        pairs = list(parts)
        if not pairs:
            return self
        count, full = self.codes.matrix.count, self.codes.matrix.count // GROUP_SIZE
        ids = np.concatenate([more for more, _ in pairs])
        codes = self.codes.extended(np.concatenate([codes for _, codes in pairs]), ids)
        new = np.arange(count, codes.matrix.count, dtype=np.uint32)
        present = {criterion: bits[:full] for criterion, bits in self._present.items()}
        posteriors = {
            key: known.first(full * GROUP_SIZE) for key, known in self._posteriors.items()
        }
        bounds = {key: known[:, :full] for key, known in self._bounds.items()}
        by_id = np.concatenate([self.by_id, new])
        return CodeTable(codes, by_id, present, posteriors, bounds)

    def without(self, ids: NDArray[np.int64]) -> "CodeTable":
        """Marks ids of the table as deleted."""
        return replace(self, codes=self.codes.without(self.positions(ids)))

    def replaced(self, ids: NDArray[np.int64], codes: NDArray[np.uint8]) -> "CodeTable":
        """Replaces the codes of some ids, ascending, by others (m, k/8).

        A code in a cluster moves to the end; others are replaced in the same memory, so the older
        table must not be searched any more.
        """
        positions = self.positions(ids)
        moved = positions < self.codes.in_clusters
        self.codes.matrix.replace(positions[~moved], codes[~moved])
        if not moved.any():
            return replace(self, _present={}, _posteriors={}, _bounds={})
        rest, by_id = self.codes.without(positions[moved]), self.by_id.copy()
        rows = rows_of(self.codes.ids, self.by_id, ids[moved])
        by_id[rows] = np.arange(rest.matrix.count, rest.matrix.count + len(rows))
        return CodeTable(rest.extended(codes[moved], ids[moved]), by_id)

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the positions (m,) of ids of the table."""
        rows = rows_of(self.codes.ids, self.by_id, ids)
        positions: NDArray[np.int64] = self.by_id[rows].astype(np.int64)
        return positions

    def codes_of(self, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Returns the packed codes (m, k/8) of ids of the table."""
        return self.codes.matrix.codes(self.positions(ids))

    def between(self, start: int, stop: int) -> Bitmap:
        """Returns the set of ids from `start` to below `stop`."""
        most = np.iinfo(np.int64).max
        ends = np.array([min(max(end, 0), most) for end in (start, stop)])
        first, last = rows_of(self.codes.ids, self.by_id, ends)
        return bitmap_of(self.by_id[first:last], self.codes.matrix.count)

    def meeting(self, predicates: AttributePredicates, threads: int = 1) -> Bitmap:
        """Returns the set of codes that have all wanted values.

        That is p_j >= threshold of wanted attributes, p_j < threshold of unwanted ones.
        """
        met = self.codes.existing
        for codes in self.meeting_each(predicates, threads):
            met = met & codes
        return met

    def meeting_each(self, predicates: AttributePredicates, threads: int = 1) -> list[Bitmap]:
        """Returns for each attribute the set of codes that have the wanted value.

        Bits after the last code may be set.
        """
        met = []
        values = zip(predicates.wanted, predicates.thresholds.tolist(), strict=True)
        for row, (wanted, threshold) in enumerate(values):
            having = self._having(predicates.head.take([row]), threshold, threads)
            met.append(having if wanted else ~having)
        return met

    def bounds(
        self, predicates: AttributePredicates, threads: int = 1
    ) -> list[NDArray[np.float32]] | None:
        """Returns for each attribute how probable the wanted value is at most in each group.

        None if no codes are in clusters: then groups do not differ.
        """
        if not self.codes.in_clusters:
            return None
        rows = enumerate(predicates.wanted.tolist())
        return [
            self._bounds_of(predicates.head.take([row]), threads)[int(wanted)]
            for row, wanted in rows
        ]

    def _bounds_of(self, head: LinearHead, threads: int) -> NDArray[np.float32]:
        """Returns those of one attribute, (2, groups); computes only groups that are new."""
        key, matrix = (head.weight.tobytes(), head.bias.tobytes()), self.codes.matrix
        known = self._bounds.get(key, np.empty((2, 0), np.float32))
        if known.shape[1] < len(matrix.everything):
            (new,) = attribute_bounds(matrix, head, first=known.shape[1], threads=threads)
            while len(self._bounds) >= MAX_BOUNDS:
                self._bounds.pop(next(iter(self._bounds)))
            self._bounds[key] = known = np.concatenate([known, new], axis=1)
        return known

    def category_posteriors(self, head: LinearHead, threads: int = 1) -> CategoryPosteriors:
        """Returns what a search by posterior needs of all codes; computes only new ones.

        Only those of the last head are kept.
        """
        key = (head.weight.tobytes(), head.bias.tobytes())
        known = self._posteriors.get(key)
        known = known or category_posteriors(head, self.codes.matrix.ranking_bits)
        if len(known.likely) < self.codes.matrix.count:
            known = known.extended(self.codes.matrix, threads)
        self._posteriors.clear()
        self._posteriors[key] = known
        return known

    def _having(self, head: LinearHead, threshold: float, threads: int) -> Bitmap:
        """Returns the set of codes that have one attribute; computes only groups that are new.

        Its key holds the weights, so that another head never gets it.
        """
        criterion = (head.weight.tobytes(), head.bias.tobytes(), threshold)
        known = self._present.get(criterion, np.empty(0, np.uint64))
        if len(known) < len(self.codes.matrix.everything):
            (new,) = attribute_bitmaps(
                self.codes.matrix, head, threshold=threshold, first=len(known), threads=threads
            )
            while len(self._present) >= MAX_BITMAPS:
                self._present.pop(next(iter(self._present)))
            self._present[criterion] = known = np.concatenate([known, new])
        return known
