"""The transactions of an open index file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from dualhash.errors import DualhashError
from dualhash.search.storage.file import identity, open_index_file
from dualhash.search.storage.sqlite import UnusableIndexError, database_errors


class Transactions:
    """An index file that is open, and who may read and write in it when.

    Threads take turns: while one is in a block of `reading`, `changing` or `writing`, others wait.
    What comes row by row has to be read within such a block.

    Attributes:
        path: The file.
        header: What it knows of all its codes.
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
