"""Codes in memory with their ids, and bitmaps of the codes that have an attribute."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.search.kernels import (
    Bitmap,
    CategoryPosteriors,
    CodeMatrix,
    attribute_bitmaps,
    bitmap,
    category_posteriors,
    size,
)
from dualhash.search.kernels.layout import GROUP_SIZE
from dualhash.search.ranking.attribute_predicates import AttributePredicates

Criterion = tuple[bytes, bytes, float]
"""Weights and bias of one attribute, and the probability from which it counts as present."""

MAX_BITMAPS = 256
"""Bitmaps of attributes that are kept for later searches."""


@dataclass(frozen=True, eq=False)
class CodeTable:
    """N codes at positions 0..N-1, in the order of their ids.

    Attributes:
        ids: (N,), ascending; uint32, to save memory, while they are small enough, else int64.
        matrix: The codes as the kernels read them.
        existing: Those that are not deleted; deleted codes keep their positions.
    """

    ids: NDArray[np.uint32] | NDArray[np.int64]
    matrix: CodeMatrix
    existing: Bitmap
    _present: dict[Criterion, Bitmap] = field(default_factory=dict)
    _posteriors: dict[tuple[bytes, bytes], CategoryPosteriors] = field(default_factory=dict)

    @classmethod
    def empty(cls, bits: int, ranking_bits: int | None = None, room: int = 0) -> "CodeTable":
        """Creates an empty table with room for that many codes of `bits` bits."""
        matrix = CodeMatrix.empty(bits, ranking_bits, room)
        return cls(np.empty(0, np.uint32), matrix, np.empty(0, np.uint64))

    @property
    def count(self) -> int:
        """The number of codes that are not deleted."""
        return size(self.existing)

    def extended(self, parts: Iterable[tuple[NDArray[np.int64], NDArray[np.uint8]]]) -> "CodeTable":
        """Appends ids (n,), ascending and above those of the table, and codes (n, k/8)."""
        matrix, ids = self.matrix, array("q", self.ids.astype(np.int64).tobytes())
        for more_ids, codes in parts:
            matrix = matrix.extended(codes)
            ids.frombytes(more_ids.tobytes())
        existing = matrix.everything.copy()
        existing[: len(self.existing)] &= ~(self.matrix.everything & ~self.existing)
        full = self.matrix.count // GROUP_SIZE
        present = {criterion: bits[:full] for criterion, bits in self._present.items()}
        posteriors = {
            key: known.first(full * GROUP_SIZE) for key, known in self._posteriors.items()
        }
        ids_now = _small(np.frombuffer(ids, np.int64))
        return CodeTable(ids_now, matrix, existing, present, posteriors)

    def without(self, ids: NDArray[np.int64]) -> "CodeTable":
        """Marks ids of the table as deleted."""
        if not len(ids):
            return self
        deleted = np.zeros(len(self.ids), np.bool_)
        deleted[self.positions(ids)] = True
        return replace(self, existing=self.existing & ~bitmap(deleted))

    def replaced(self, ids: NDArray[np.int64], codes: NDArray[np.uint8]) -> "CodeTable":
        """Replaces the codes of some ids by others (n, k/8), in the same memory.

        The older table must not be searched any more.
        """
        self.matrix.replace(self.positions(ids), codes)
        return replace(self, _present={}, _posteriors={})

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the positions (n,) of ids of the table."""
        return np.searchsorted(self.ids, ids.astype(self.ids.dtype))

    def ids_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the ids (n,) at positions."""
        return self.ids[positions].astype(np.int64)

    def codes(self, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Returns the packed codes (n, k/8) of ids of the table."""
        return self.matrix.codes(self.positions(ids))

    def between(self, start: int, stop: int) -> Bitmap:
        """Returns the set of ids from `start` to below `stop`.

        Only the groups of this range are filled, bit by bit; the others stay zero.
        """
        first, last = bisect_left(self.ids, start), bisect_left(self.ids, stop)
        selected = np.zeros_like(self.existing)
        group = first // GROUP_SIZE
        members = np.zeros(max(last - group * GROUP_SIZE, 0), np.bool_)
        members[first - group * GROUP_SIZE :] = True
        part = bitmap(members)
        selected[group : group + len(part)] = part
        return selected

    def meeting(self, predicates: AttributePredicates, threads: int = 1) -> Bitmap:
        """Returns the set of codes that have all wanted values.

        That is p_j >= threshold of wanted attributes, p_j < threshold of unwanted ones.
        """
        met = self.existing
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

    def category_posteriors(self, head: LinearHead, threads: int = 1) -> CategoryPosteriors:
        """Returns what a search by posterior needs of all codes; computes only new ones.

        Only those of the last head are kept.
        """
        key = (head.weight.tobytes(), head.bias.tobytes())
        known = self._posteriors.get(key)
        known = known or category_posteriors(head, self.matrix.ranking_bits)
        if len(known.likely) < self.matrix.count:
            known = known.extended(self.matrix, threads)
        self._posteriors.clear()
        self._posteriors[key] = known
        return known

    def _having(self, head: LinearHead, threshold: float, threads: int) -> Bitmap:
        """Returns the set of codes that have one attribute; computes only groups that are new.

        Its key holds the weights, so that another head never gets it.
        """
        criterion = (head.weight.tobytes(), head.bias.tobytes(), threshold)
        known = self._present.get(criterion, np.empty(0, np.uint64))
        if len(known) < len(self.matrix.everything):
            (new,) = attribute_bitmaps(
                self.matrix, head, threshold=threshold, first=len(known), threads=threads
            )
            while len(self._present) >= MAX_BITMAPS:
                self._present.pop(next(iter(self._present)))
            self._present[criterion] = known = np.concatenate([known, new])
        return known


def _small(ids: NDArray[np.int64]) -> NDArray[np.uint32] | NDArray[np.int64]:
    return ids if len(ids) and ids[-1] > np.iinfo(np.uint32).max else ids.astype(np.uint32)
