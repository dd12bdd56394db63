"""An open index file: its transactions, and reading from it."""

import json
import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.database import UnusableIndexError, database_errors
from dualhash.search.fields import CATEGORY, Fields, facts_of
from dualhash.search.index_file import identity, open_index_file
from dualhash.search.records import (
    BLOCK_COLUMNS,
    CHANGE_COLUMNS,
    COLUMN_COLUMNS,
    FIELDS_COLUMNS,
    ITEM_COLUMNS,
    NOWHERE,
    STATE_COLUMNS,
    Records,
    State,
)
from dualhash.search.results import Item

AT_ONCE = 1024
"""Items read at a time while all are gone through."""

ALL_FIELDS = f"SELECT {FIELDS_COLUMNS} FROM fields"


class Store:
    """The contents of an index file.

    Each method sees a consistent state; in a block of `reading` all of them see the same. Threads
    take turns: while one is in a block of `reading`, `changing` or `writing`, others
    wait. What comes row by
    row has to be read within such a block.

    Attributes:
        path: The file.
        header: What it knows of all its codes.
        records: How its rows are written and read.
        changes: Whether a block of `changing` or `writing` goes on.
        undone: How many such blocks have failed; what was read in them holds no longer.
    """

    def __init__(self, path: Path) -> None:
        """Opens a file that exists.

        Raises:
            DualhashError: It is not an index, of another format, or damaged.
        """
        self.path = path
        self._identity = identity(path)
        self._turn = RLock()
        self.changes = False
        self.undone = 0
        self._connection, self.header = open_index_file(path)
        self.records = Records(path, self.header.bits, self.header.attribute_head.names)
        try:
            self.state()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file; closing twice does nothing."""
        with self._turn:
            self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What others write in the meantime is not seen in this block."""
        with self._turn:
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
    def changing(self) -> Iterator[None]:
        """A transaction: all that is changed in the block is kept, or nothing.

        A block within such a block is a part of it: where it fails only what it wrote is undone.
        """
        with self._turn:
            if self.changes:
                with self._part():
                    yield
                return
            self._do("BEGIN IMMEDIATE")
            self.changes = True
            try:
                self._check_in_place()
                yield
                self._check_whole()
                self._do("COMMIT")
            except BaseException:
                self.undone += 1
                with database_errors(self.path):
                    self._connection.rollback()
                raise
            finally:
                self.changes = False

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A block of `changing` that has no other errors than those of the file."""
        with self.changing(), database_errors(self.path):
            yield self._connection

    @contextmanager
    def _part(self) -> Iterator[None]:
        """A part of the transaction that goes on."""
        self._check_whole()
        self._do("SAVEPOINT part")
        try:
            yield
            self._check_whole()
        except BaseException:
            self.undone += 1
            if self._connection.in_transaction:
                self._do("ROLLBACK TO part")
                self._do("RELEASE part")
            raise
        self._do("RELEASE part")

    def _check_whole(self) -> None:
        """Refuses to go on where SQLite has undone all of a transaction, as on a full disk."""
        if not self._connection.in_transaction:
            raise UnusableIndexError(
                f"{self.path} is as it was before: a part of the change failed, such as for lack "
                "of room on the disk, and with it all of it."
            )

    def _do(self, statement: str) -> None:
        with database_errors(self.path):
            self._connection.execute(statement)

    def vacuum(self) -> None:
        """Gives room that is not used back to the disk.

        Raises:
            DualhashError: A block of `changing` goes on.
        """
        with self._turn, database_errors(self.path):
            if self.changes:
                raise DualhashError(
                    f"{self.path} is compacted after a block of `changing`, not in it."
                )
            self._check_in_place()
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
        with self.reading():
            rows = list(self.select(f"SELECT {STATE_COLUMNS} FROM state"))
        if len(rows) != 1:
            raise self.records.damaged("its number of items")
        return self.records.state(rows[0])

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
        with self.reading():
            rows = self.select(
                f"SELECT {ITEM_COLUMNS} FROM items WHERE id IN (SELECT value FROM json_each(?))",
                json.dumps([int(item) for item in ids]),
            )
            return {row[0]: self.records.item(row) for row in rows}

    def items_between(self, start: int, stop: int) -> Iterator[Item]:
        """The items with ids from `start` to below `stop`, ascending; some at a time."""
        sql = f"SELECT {ITEM_COLUMNS} FROM items WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        while True:
            with self.reading():
                some = list(self.select(sql, start, stop, AT_ONCE))
            if not some:
                return
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

    def find(self, images: Sequence[Path | str], start: int = 0) -> list[int | None]:
        """For each image the id, from `start` on, of its item; None where there is none.

        Where an image is named for the n-th time it is the n-th of its items.
        """
        names = [self.records.name(image) for image in images]
        rows = self.select(
            "SELECT image, id FROM items WHERE id >= ? AND image IN "
            "(SELECT value FROM json_each(?)) ORDER BY id",
            start,
            json.dumps(names),
        )
        here: defaultdict[str, deque[int]] = defaultdict(deque)
        with self.reading():
            for name, item in rows:
                here[name].append(item)
        return [here[name].popleft() if here[name] else None for name in names]

    def changed(self, edition: int) -> NDArray[np.int64] | None:
        """Ids (n,) of items changed or deleted after an edition; None where that is not known."""
        sql = f"SELECT {CHANGE_COLUMNS} FROM changes WHERE edition > ?"
        with self.reading():
            ids = [self.records.change(row) for row in self.select(sql, edition)]
            known = len(ids) == self.state().edition - edition
        return np.unique(np.concatenate([np.empty(0, np.int64), *ids])) if known else None

    def block_fields(self, first: int) -> Fields:
        """The columns of the block that begins with an id."""
        fields: Fields = {}
        with self.reading():
            for row in self.select(
                f"SELECT {FIELDS_COLUMNS} FROM fields WHERE first_id = ?", first
            ):
                count, names = self.records.fields(row)
                for name in names:
                    texts, which = self._column(name, first, count)
                    fields[name] = [texts[i] if i != NOWHERE else None for i in which.tolist()]
        return fields

    def columns(
        self, field: str, after: int = -1
    ) -> Iterator[tuple[list[str], NDArray[np.uint16]]]:
        """A field of all items with ids above `after`, ascending, block by block.

        Yields:
            Its different texts, and which of them each of the items has; `NOWHERE` for none.
        """
        for row in self.select(
            f"SELECT {FIELDS_COLUMNS} FROM fields WHERE first_id >= coalesce("
            "(SELECT max(first_id) FROM fields WHERE first_id <= ?), 0) ORDER BY first_id",
            after + 1,
        ):
            count, names = self.records.fields(row)
            if field in names:
                texts, which = self._column(field, row[0], count)
            else:
                texts, which = [], np.full(count, NOWHERE, np.uint16)
            yield texts, which

    def fields(self) -> list[str]:
        """What filters can ask for: the label, and every field of a payload."""
        names = (self.records.fields(row)[1] for row in self.select(ALL_FIELDS))
        return [CATEGORY, *sorted({name for some in names for name in some} - {CATEGORY})]

    def facts(self, start: int, stop: int) -> Iterator[tuple[int, str, str]]:
        """What filters compare: ids from `start` to below `stop`, a field of each, its value."""
        for item in self.items_between(start, stop):
            for field, text in facts_of(item.labels.category, item.payload).items():
                yield item.id, field, text

    def _column(self, field: str, first: int, count: int) -> tuple[list[str], NDArray[np.uint16]]:
        for row in self.select(
            f"SELECT {COLUMN_COLUMNS} FROM columns WHERE field = ? AND first_id = ?", field, first
        ):
            texts, which = self.records.column(row)
            if len(which) == count:
                return texts, which
        raise self.records.damaged(f"the field {field!r} of the block that begins with id {first}")
