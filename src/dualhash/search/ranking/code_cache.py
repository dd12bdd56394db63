"""What of an index file is kept in memory between searches, and how it follows the file."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError, near
from dualhash.search.kernels import Bitmap, bitmap, members
from dualhash.search.kernels.layout import GROUP_SIZE
from dualhash.search.ranking.code_table import CodeTable
from dualhash.search.storage.payload_columns import as_text, check_field
from dualhash.search.storage.reader import IndexReader
from dualhash.search.storage.rows import NOWHERE, IndexState

FILTERS = 64
"""Filters whose bitmaps are kept, so that asking again costs nothing."""

MOST_CHANGED = 8
"""Where more than one in so many items was changed, all codes are read again."""

NOTHING = IndexState(count=0, edition=-1, next_id=0)
"""Before anything was read."""

EMPTY = as_text(None)
"""The value of a cell with nothing in it, which nobody means."""

COMMON = 5
"""Values of a field that are named where one was asked for that there is not."""


class CodeCache:
    """The codes of an index file, and the sets of items that filters have let pass.

    Use it within one block of `IndexReader.reading`.
    """

    def __init__(self, store: IndexReader) -> None:
        self._store = store
        self._state = NOTHING
        self._undone: int | None = None
        self._table = CodeTable.empty(store.header.bits)
        self._filters: dict[tuple[str, str], Bitmap] = {}

    def table(self) -> CodeTable:
        """All codes, as the file has them now.

        What was added or changed is read. All is read again only where the file no longer knows
        what was changed, or where more than half of the codes here have been deleted.

        Raises:
            DualhashError: The file is damaged.
        """
        store, state = self._store, self._store.state()
        if self._undone not in (None, store.undone):
            self._state = NOTHING  # it was read while a change went on that may have failed since
        if state != self._state:
            table = self._followed(state)
            if table is None or 2 * state.count < len(table.ids):
                self._filters.clear()
                empty = CodeTable.empty(store.header.bits, room=state.count)
                table = empty.extended(store.codes())
            if table.count != state.count:
                self._state = NOTHING
                raise store.records.damaged("its number of codes")
            self._table, self._state = table, state
            self._undone = store.undone if store.changes else None
        return self._table

    def allowed(self, filters: Mapping[str, object]) -> Bitmap:
        """The set of items that have all these values.

        Raises:
            DualhashError: No item has such a field, or one of the values.
        """
        allowed = self.table().existing
        for field, value in filters.items():
            having = self._having(field, as_text(value))
            if not (having & self._table.existing).any():
                raise self._nobody(field, as_text(value))
            allowed = allowed & having
        return allowed

    def _followed(self, state: IndexState) -> CodeTable | None:
        """The codes that were here, brought up to date; None where to read all again is better."""
        store, here = self._store, self._state
        changed = None if here.edition < 0 else store.changed(here.edition)
        if changed is None or MOST_CHANGED * len(changed) > state.count:
            return None
        changed = changed[changed < here.next_id]
        kept = np.array(sorted(store.items(changed)), np.int64)
        table = self._table.without(np.setdiff1d(changed, kept))
        if len(kept):
            self._filters.clear()
            table = table.replaced(kept, np.stack([store.item(int(item))[0] for item in kept]))
        if state.next_id != here.next_id:
            full = table.blocks.count // GROUP_SIZE
            self._filters = {key: known[:full] for key, known in self._filters.items()}
            table = table.extended(store.codes(after=here.next_id - 1))
        return table

    def _having(self, field: str, text: str) -> Bitmap:
        """The set of items with a value. What is known from earlier is not read again."""
        table, known = self._table, self._filters.get((field, text), np.empty(0, np.uint64))
        if len(known) < len(table.existing):
            start = GROUP_SIZE * len(known)
            here = members(table.existing, table.blocks.count)[start:]
            found = self._matches(field, text, int(table.ids[start - 1]) if start else -1)
            later = len(found) - int(here.sum())
            if later < 0:
                raise self._store.records.damaged("its number of fields")
            chosen = np.zeros(len(here), np.bool_)
            chosen[here] = found[later:]
            while len(self._filters) >= FILTERS:
                self._filters.pop(next(iter(self._filters)))
            self._filters[field, text] = known = np.concatenate([known, bitmap(chosen)])
        return known

    def _matches(self, field: str, text: str, after: int) -> NDArray[np.bool_]:
        """Whether items have a value, in order: those with ids above `after`, and some before."""
        parts = [np.empty(0, np.bool_)]
        for texts, which in self._store.columns(field, after):
            place = bisect_left(texts, text)
            there = place < len(texts) and texts[place] == text
            parts.append(which == place if there else np.zeros(len(which), np.bool_))
        return np.concatenate(parts)

    def _nobody(self, field: str, text: str) -> DualhashError:
        """What to say where no item has a value.

        Raises:
            DualhashError: None has the field, either.
        """
        check_field(field, self._store.fields())
        counts: Counter[str] = Counter()
        for texts, which in self._store.columns(field):
            numbers = np.bincount(which[which != NOWHERE], minlength=len(texts))
            counts.update(dict(zip(texts, numbers.tolist(), strict=True)))
        counts.pop(EMPTY, None)
        if not counts:
            return DualhashError(f"No item has {field}={text!r}: {field} is empty in all.")
        common = ", ".join(f"{value!r} ({n:,})" for value, n in counts.most_common(COMMON))
        return DualhashError(
            f"No item has {field}={text!r}. {near(text, counts)}Most common: {common}."
        )
