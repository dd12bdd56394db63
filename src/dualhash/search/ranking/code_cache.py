"""The codes of an index file and the results of filters, kept in memory between searches."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError, near
from dualhash.search.kernels import Bitmap, bitmap_of, members
from dualhash.search.ranking.code_table import CodeTable
from dualhash.search.storage.payload_columns import as_text, check_field
from dualhash.search.storage.reader import IndexReader
from dualhash.search.storage.rows import NOWHERE, IndexState

MAX_FILTERS = 64
"""Filters whose results are kept for later searches."""

NOTHING_READ = IndexState(count=0, edition=-1, next_id=0)

EMPTY = as_text(None)
"""The value of an empty cell."""

COMMON_VALUES = 5
"""Values of a field that an error names if no item has the wanted one."""


class CodeCache:
    """The codes of an index file, and the items that filters select.

    Use it in one block of `IndexReader.reading`.
    """

    def __init__(self, index: IndexReader) -> None:
        self._index = index
        self._state = NOTHING_READ
        self._undone: int | None = None
        self._table = CodeTable.empty(index.header.bits, index.header.ranking_bits)
        self._filters: dict[tuple[str, str], tuple[int, Bitmap]] = {}

    def table(self) -> CodeTable:
        """Returns all codes as the file has them now.

        Reads only blocks with added or changed codes; reads all blocks if the file no longer
        knows what was changed, or if more than half of the blocks are changed or more than half
        of the codes in memory are deleted.

        Raises:
            DualhashError: The file is damaged.
        """
        index, state = self._index, self._index.state
        if self._undone not in (None, index.connection.undone):
            self._state = NOTHING_READ  # the codes may come from a transaction that has failed
        if state != self._state:
            table = self._updated(state)
            if table is None or 2 * state.count < table.codes.matrix.count:
                self._filters.clear()
                self._table = CodeTable.empty(index.header.bits, index.header.ranking_bits)
                table = self._table.filled(index.codes(), index.filed(), index.centres().codes)
                if not table.codes.clusters.hold(table.codes.matrix):
                    raise index.records.damaged("the clusters of its codes")
            if table.codes.count != state.count:
                self._state = NOTHING_READ
                raise index.records.damaged("its number of codes")
            self._table, self._state = table, state
            self._undone = index.connection.undone if index.connection.changes else None
        return self._table

    def allowed(self, filters: Mapping[str, str]) -> Bitmap:
        """Returns the set of items that have all these values.

        Raises:
            DualhashError: No item has such a field, or one of the values.
        """
        allowed = self.table().codes.existing
        for field, text in filters.items():
            having = self._having(field, text)
            if not (having & self._table.codes.existing).any():
                raise self._no_item(field, text)
            allowed = allowed & having
        return allowed

    def _updated(self, state: IndexState) -> CodeTable | None:
        """Returns the table with all changes; None if it is faster to read all blocks.

        Also None if the file no longer knows the changes. With changes in more than half of the
        blocks, one pass over all of them is faster (measured with 400,000 codes of 256 bits).
        """
        index, before = self._index, self._state
        changed = None if before.edition < 0 else index.changed(before.edition)
        if changed is None:
            return None
        changed = changed[changed < before.next_id]
        if 2 * len(index.blocks_with(changed)) > index.block_count():
            return None
        ids, codes = index.codes_of(changed)
        table = self._table.without(np.setdiff1d(changed, ids))
        if len(ids):
            self._filters.clear()
            table = table.replaced(ids, codes)
        if state.next_id != before.next_id:
            table = table.extended(index.codes(after=before.next_id - 1))
        return table

    def _having(self, field: str, text: str) -> Bitmap:
        """Returns the set of items with a value; reads only items after those that are known."""
        codes, rows = self._table.codes, self._table.by_id
        known, having = self._filters.get((field, text), (0, np.empty(0, np.uint64)))
        if known < len(rows):
            after = int(codes.ids[rows[known - 1]]) if known else -1
            new = rows[known:]
            new = new[members(codes.existing, codes.matrix.count)[new]]
            matches = self._matches(field, text, after)
            earlier = len(matches) - len(new)
            if earlier < 0:
                raise self._index.records.damaged("its number of fields")
            more = bitmap_of(new[matches[earlier:]], codes.matrix.count)
            more[: len(having)] |= having
            while len(self._filters) >= MAX_FILTERS:
                self._filters.pop(next(iter(self._filters)))
            self._filters[field, text] = len(rows), more
            return more
        return having

    def _matches(self, field: str, text: str, after: int) -> NDArray[np.bool_]:
        """Returns whether items have a value: those with ids above `after`, and some before."""
        parts = [np.empty(0, np.bool_)]
        for texts, which in self._index.columns(field, after):
            place = bisect_left(texts, text)
            known = place < len(texts) and texts[place] == text
            parts.append(which == place if known else np.zeros(len(which), np.bool_))
        return np.concatenate(parts)

    def _no_item(self, field: str, text: str) -> DualhashError:
        """Returns the error for a value that no item has.

        Raises:
            DualhashError: No item has the field.
        """
        check_field(field, self._index.fields())
        counts: Counter[str] = Counter()
        for texts, which in self._index.columns(field):
            numbers = np.bincount(which[which != NOWHERE], minlength=len(texts))
            counts.update(dict(zip(texts, numbers.tolist(), strict=True)))
        counts.pop(EMPTY, None)
        if not counts:
            return DualhashError(f"No item has {field}={text!r}: {field} is empty in all items.")
        common = ", ".join(f"{value!r} ({n:,})" for value, n in counts.most_common(COMMON_VALUES))
        return DualhashError(
            f"No item has {field}={text!r}. {near(text, counts)}Most common: {common}."
        )
