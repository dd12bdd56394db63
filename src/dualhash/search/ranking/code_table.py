"""Codes in memory, with their ids and with bitmaps of who has which attribute."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.search.kernels import Bitmap, CodeMatrix, attribute_bitmaps, bitmap, size
from dualhash.search.kernels.layout import GROUP_SIZE
from dualhash.search.ranking.attribute_predicates import AttributePredicates

Criterion = tuple[bytes, bytes, float]
"""Weights and bias of one attribute, and the probability from which on it is present."""


KEPT = 256
"""Bitmaps of attributes that are kept, so that asking again costs nothing."""


@dataclass(frozen=True, eq=False)
class CodeTable:
    """N codes at positions 0..N-1, in the order of their ids.

    Attributes:
        ids: (N,), ascending; uint32, to save memory, as long as they are small enough, else int64.
        blocks: The codes as the kernels read them.
        existing: Those that have not been deleted; the others keep their positions.
    """

    ids: NDArray[np.uint32] | NDArray[np.int64]
    blocks: CodeMatrix
    existing: Bitmap
    _present: dict[Criterion, Bitmap] = field(default_factory=dict)

    @classmethod
    def empty(cls, bits: int, room: int = 0) -> "CodeTable":
        """No codes, with room for that many of `bits` bits."""
        return cls(np.empty(0, np.uint32), CodeMatrix.empty(bits, room), np.empty(0, np.uint64))

    @property
    def count(self) -> int:
        """How many have not been deleted."""
        return size(self.existing)

    def extended(self, parts: Iterable[tuple[NDArray[np.int64], NDArray[np.uint8]]]) -> "CodeTable":
        """These codes and more: ids (n,), ascending and above those here, and codes (n, k/8)."""
        blocks, ids = self.blocks, array("q", self.ids.astype(np.int64).tobytes())
        for more_ids, codes in parts:
            blocks = blocks.extended(codes)
            ids.frombytes(more_ids.tobytes())
        existing = blocks.everything.copy()
        existing[: len(self.existing)] &= ~(self.blocks.everything & ~self.existing)
        full = self.blocks.count // GROUP_SIZE
        known = {name: bits[:full] for name, bits in self._present.items()}
        return CodeTable(_small(np.frombuffer(ids, np.int64)), blocks, existing, known)

    def without(self, ids: NDArray[np.int64]) -> "CodeTable":
        """These codes but for some ids that are here."""
        return replace(self, existing=self.existing & ~self.only(ids)) if len(ids) else self

    def replaced(self, ids: NDArray[np.int64], codes: NDArray[np.uint8]) -> "CodeTable":
        """These codes with others (n, k/8) in place of those of some ids, in the same memory.

        The older table must not be searched any more.
        """
        self.blocks.replace(self.positions(ids), codes)
        return replace(self, _present={})

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions (n,) of ids that are here."""
        return np.searchsorted(self.ids, ids.astype(self.ids.dtype))

    def ids_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ids (n,) at positions."""
        return self.ids[positions].astype(np.int64)

    def codes(self, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Packed codes (n, k/8) of ids that are here."""
        return self.blocks.codes(self.positions(ids))

    def only(self, ids: NDArray[np.int64]) -> Bitmap:
        """The set of some ids that are here."""
        chosen = np.zeros(len(self.ids), np.bool_)
        chosen[self.positions(ids)] = True
        return bitmap(chosen)

    def between(self, start: int, stop: int) -> Bitmap:
        """The set of ids from `start` to below `stop`."""
        chosen = np.zeros(len(self.ids), np.bool_)
        chosen[bisect_left(self.ids, start) : bisect_left(self.ids, stop)] = True
        return bitmap(chosen)

    def meeting(self, conditions: AttributePredicates, threads: int = 1) -> Bitmap:
        """The set of codes on the wanted side of the threshold for all attributes.

        That is p_j >= threshold of those wanted, p_j < threshold of the others.
        """
        met = self.existing
        for codes in self.meeting_each(conditions, threads):
            met = met & codes
        return met

    def meeting_each(self, conditions: AttributePredicates, threads: int = 1) -> list[Bitmap]:
        """For each condition the set of codes that meet it; it may go on beyond the last code."""
        met = []
        for row, wanted in enumerate(conditions.wanted):
            having = self._having(conditions.head.take([row]), conditions.threshold, threads)
            met.append(having if wanted else ~having)
        return met

    def _having(self, head: LinearHead, threshold: float, threads: int) -> Bitmap:
        """The set of codes with one attribute. What is known from earlier is not found again.

        It is known by the weights that it was made with, so that no other head is given it.
        """
        criterion = (head.weight.tobytes(), head.bias.tobytes(), threshold)
        known = self._present.get(criterion, np.empty(0, np.uint64))
        if len(known) < len(self.blocks.everything):
            (new,) = attribute_bitmaps(
                self.blocks, head, threshold=threshold, first=len(known), threads=threads
            )
            while len(self._present) >= KEPT:
                self._present.pop(next(iter(self._present)))
            self._present[criterion] = known = np.concatenate([known, new])
        return known


def _small(ids: NDArray[np.int64]) -> NDArray[np.uint32] | NDArray[np.int64]:
    return ids if len(ids) and ids[-1] > np.iinfo(np.uint32).max else ids.astype(np.uint32)
