"""Codes in memory, with their ids and with bitmaps of who has which attribute."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.heads import LinearHead
from dualhash.search.conditions import Conditions
from dualhash.search.kernels import Bitmap, Blocks, bitmap, present
from dualhash.search.kernels.blocks import BLOCK


@dataclass(frozen=True, eq=False)
class CodeTable:
    """N codes at positions 0..N-1, in the order of their ids.

    Attributes:
        ids: (N,) int64, ascending.
        blocks: The codes as the kernels read them.
        head: Reads the attributes that can be asked for.
    """

    ids: NDArray[np.int64]
    blocks: Blocks
    head: LinearHead
    _present: dict[str, Bitmap] = field(default_factory=dict)

    @classmethod
    def empty(cls, head: LinearHead, room: int = 0) -> "CodeTable":
        """No codes, with room for that many."""
        return cls(np.empty(0, np.int64), Blocks.empty(head.weight.shape[1], room), head)

    def extended(self, parts: Iterable[tuple[NDArray[np.int64], NDArray[np.uint8]]]) -> "CodeTable":
        """These codes and more: ids (n,), ascending and above those here, and codes (n, k/8)."""
        blocks, ids = self.blocks, [self.ids]
        for more_ids, codes in parts:
            blocks = blocks.extended(codes)
            ids.append(more_ids)
        full = self.blocks.count // BLOCK
        known = {name: bits[:full] for name, bits in self._present.items()}
        return CodeTable(np.concatenate(ids), blocks, self.head, known)

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions (n,) of ids that are here."""
        return np.searchsorted(self.ids, ids)

    def codes(self, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Packed codes (n, k/8) of ids that are here."""
        return self.blocks.codes(self.positions(ids))

    def only(self, ids: NDArray[np.int64]) -> Bitmap:
        """The set of some ids that are here."""
        chosen = np.zeros(len(self.ids), np.bool_)
        chosen[self.positions(ids)] = True
        return bitmap(chosen)

    def without(self, item: int) -> Bitmap:
        """The set of all but one id, which is here."""
        others = self.blocks.everything.copy()
        block, place = divmod(int(np.searchsorted(self.ids, item)), BLOCK)
        others[block] &= ~(np.uint64(1) << np.uint64(place))
        return others

    def meeting(self, conditions: Conditions, threads: int = 1) -> Bitmap:
        """The set of codes with p_j >= 0.5 of all wanted attributes, p_j < 0.5 of the others."""
        met = self.blocks.everything
        for name, wanted in conditions.values.items():
            having = self._having(name, threads)
            met = met & (having if wanted else ~having)
        return met

    def _having(self, name: str, threads: int) -> Bitmap:
        """The set of codes with an attribute. What is known from earlier is not found again."""
        known = self._present.get(name, np.empty(0, np.uint64))
        if len(known) < len(self.blocks.everything):
            one = self.head.take([self.head.names.index(name)])
            (new,) = present(self.blocks.after(len(known)), one, threads=threads)
            self._present[name] = known = np.concatenate([known, new])
        return known
