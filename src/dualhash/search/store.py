"""An open index file: its transactions, and reading from it."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError, nearest
from dualhash.search.index_file import (
    check_index_file,
    connect,
    database_errors,
    identity,
    read_header,
)
from dualhash.search.records import BLOCK_COLUMNS, ITEM_COLUMNS, Records
from dualhash.search.results import Item

CATEGORY = "category"
"""The field of a filter that is an item's label; all others are fields of its payload."""

AT_ONCE = 1024
"""Items read at a time while all are gone through."""

FIELDS = "FROM items, json_each(items.payload) AS field"

TEXT = """
CASE WHEN field.type IN ('true', 'false', 'null') THEN field.type
ELSE CAST(field.value AS TEXT) END
"""
"""The value of a field as filters compare it."""

MATCHING = f"SELECT items.id {FIELDS} WHERE field.key = ? AND ? = {TEXT}"


@dataclass(frozen=True)
class State:
    """What an index file holds, as three numbers.

    Attributes:
        count: How many items there are.
        edition: Grows whenever something that was there is changed or deleted.
        next_id: The id of the next item; grows whenever something is added.
    """

    count: int
    edition: int
    next_id: int


class Store:
    """The contents of an index file.

    Each method sees a consistent state; in a block of `reading` all of them see the same.

    Attributes:
        path: The file.
        header: What it knows of all its codes.
        records: How its rows are written and read.
    """

    def __init__(self, path: Path) -> None:
        """Opens a file that exists.

        Raises:
            DualhashError: It is not an index, of another format, or damaged.
        """
        check_index_file(path)
        self.path = path
        self._identity = identity(path)
        with database_errors(path):
            self._connection = connect(path)
            try:
                self.header = read_header(self._connection, path)
            except BaseException:
                self.close()
                raise
        self.records = Records(path, self.header.bits, self.header.attribute_head.names)

    def close(self) -> None:
        """Closes the file; closing twice does nothing."""
        self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What others write in the meantime is not seen in this block."""
        with database_errors(self.path):
            outermost = not self._connection.in_transaction
            if outermost:
                self._connection.execute("BEGIN")
        try:
            yield
        finally:
            if outermost:
                self._connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all that is written in the block is kept, or nothing."""
        with database_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._check_in_place()
                yield self._connection
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    def vacuum(self) -> None:
        """Gives room that is not used back to the disk."""
        self._check_in_place()
        with database_errors(self.path):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _check_in_place(self) -> None:
        """Refuses to write to a file that nobody would find again."""
        if identity(self.path) != self._identity:
            raise DualhashError(
                f"{self.path} is another index now than when it was opened; open it again."
            )

    def select(self, sql: str, *values: object) -> Iterator[Any]:
        """Rows of a query, one after the other."""
        with database_errors(self.path):
            rows = self._connection.execute(sql, values)
            for row in rows:  # noqa: UP028 - `yield from` would close it, perhaps after the file
                yield row

    def state(self) -> State:
        """Tells whether something has changed since, and what.

        Raises:
            DualhashError: It is damaged.
        """
        counters = "SELECT key, value FROM meta WHERE key IN ('count', 'edition', 'next_id')"
        try:
            return State(**{key: int(value) for key, value in self.select(counters)})
        except (TypeError, ValueError) as error:
            raise self.records.damaged("its number of items") from error

    def codes(self, after: int = -1) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        """Ids (n,) above `after`, ascending, and their packed codes (n, k/8), block by block."""
        for row in self.select(
            f"SELECT {BLOCK_COLUMNS} FROM blocks WHERE first_id >= coalesce("
            "(SELECT max(first_id) FROM blocks WHERE first_id <= ?), 0) ORDER BY first_id",
            after + 1,
        ):
            ids, codes = self.records.block(row)
            start = int(np.searchsorted(ids, after, side="right"))
            yield ids[start:], codes[start:]

    def items(self, ids: Iterable[int]) -> dict[int, Item]:
        """The items with these ids, by id; ids that do not exist are left out."""
        rows = self.select(
            f"SELECT {ITEM_COLUMNS} FROM items WHERE id IN (SELECT value FROM json_each(?))",
            json.dumps([int(item) for item in ids]),
        )
        return {row[0]: self.records.item(row) for row in rows}

    def items_between(self, start: int, stop: int) -> Iterator[Item]:
        """The items with ids from `start` to below `stop`, ascending; some at a time."""
        sql = f"SELECT {ITEM_COLUMNS} FROM items WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        while some := list(self.select(sql, start, stop, AT_ONCE)):
            for row in some:
                yield self.records.item(row)
            start = some[-1][0] + 1

    def item(self, item: int) -> tuple[NDArray[np.uint8], Item]:
        """The packed code (k/8,) of an id, and what is kept beside it.

        Raises:
            DualhashError: There is no such id.
        """
        with self.reading():
            kept = self.items([item])
            if item not in kept:
                raise DualhashError(f"{self.path} has no item with the id {item}.")
            ids, codes = next(self.codes(item - 1))
        return codes[np.searchsorted(ids, item)], kept[item]

    def ids_where(self, field: str, text: str) -> NDArray[np.int64]:
        """Ids (n,) of the items of which a field has a value, in no particular order.

        Args:
            field: "category", or a field of the payload.
            text: The value; numbers, true, false and null as JSON writes them.

        Raises:
            DualhashError: No item has such a field.
        """
        if field == CATEGORY:
            found = self.select("SELECT id FROM items WHERE category = ?", text)
        else:
            found = self.select(MATCHING, field, text)
        ids = np.fromiter((row[0] for row in found), np.int64)
        if not len(ids):
            check_field(field, self.fields())
        return ids

    def facts(self, start: int, stop: int) -> Iterator[tuple[int, str, str]]:
        """What filters compare: ids from `start` to below `stop`, a field of each, its value."""
        labels = "SELECT id, ?, category FROM items WHERE id >= ? AND id < ? AND category NOT NULL"
        yield from self.select(labels, CATEGORY, start, stop)
        values = f"SELECT items.id, field.key, {TEXT} {FIELDS} WHERE items.id >= ? AND items.id < ?"
        yield from self.select(f"{values} AND field.key != ?", start, stop, CATEGORY)

    def fields(self) -> list[str]:
        """What filters can ask for: the label, and every field of a payload."""
        fields = self.select(f"SELECT DISTINCT field.key {FIELDS}")
        return [CATEGORY, *(key for (key,) in fields if key != CATEGORY)]


def as_text(value: object) -> str:
    """A value as filters compare it."""
    return value if isinstance(value, str) else json.dumps(value)


def check_field(field: str, known: Iterable[str]) -> None:
    """Refuses a field that no item has."""
    if field not in known:
        raise DualhashError(f"No item has a field {field!r}. {nearest(field, known)}")
