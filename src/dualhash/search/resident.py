"""What of an index file is kept in memory between searches, and how it follows the file."""

from collections.abc import Mapping

from dualhash.search.code_table import CodeTable
from dualhash.search.kernels import Bitmap
from dualhash.search.store import State, Store, as_text

FILTERS = 64
"""Filters whose bitmaps are kept, so that asking again costs nothing."""


class Resident:
    """The codes of an index file, and the sets of items that filters have let pass.

    Use it within one block of `Store.reading`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._state = State(count=0, edition=-1, next_id=0)
        self._table = CodeTable.empty(store.header.bits)
        self._filters: dict[tuple[str, str], Bitmap] = {}

    def table(self) -> CodeTable:
        """All codes, as the file has them now.

        What was added is read; what was there is read again only if something of it was changed or
        deleted.

        Raises:
            DualhashError: The file is damaged.
        """
        store, state = self._store, self._store.state()
        if state != self._state:
            self._filters.clear()
            if state.edition == self._state.edition:
                table = self._table.extended(store.codes(after=self._state.next_id - 1))
            else:
                empty = CodeTable.empty(store.header.bits, room=state.count)
                table = empty.extended(store.codes())
            if len(table.ids) != state.count:
                raise store.records.damaged("its number of codes")
            self._table, self._state = table, state
        return self._table

    def allowed(self, where: Mapping[str, object]) -> Bitmap:
        """The set of items that have all these values.

        Raises:
            DualhashError: No item has such a field.
        """
        table = self.table()
        allowed = table.blocks.everything
        for field, value in where.items():
            text = as_text(value)
            if (field, text) not in self._filters:
                while len(self._filters) >= FILTERS:
                    self._filters.pop(next(iter(self._filters)))
                self._filters[field, text] = table.only(self._store.ids_where(field, text))
            allowed = allowed & self._filters[field, text]
        return allowed
