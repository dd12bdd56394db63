"""The connection to an open index file: its transactions, shared by threads and by programs."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from dualhash.errors import DualhashError
from dualhash.files import fingerprint
from dualhash.search.storage.file import CLUSTERS, open_index_file
from dualhash.search.storage.header import FORMAT, write_header
from dualhash.search.storage.sqlite import UnusableIndexError, database_errors


class IndexConnection:
    """A connection to an index file.

    Threads take turns: while one is in a block of `reading` or `changing`, others wait.
    Rows that `select` yields must be read within such a block.

    Attributes:
        path: The file.
        header: The properties that all its codes share.
        changes: Whether a block of `changing` is open.
        undone: Number of such blocks that failed; what was read in them is no longer valid.
    """

    def __init__(self, path: Path) -> None:
        """Opens an existing file.

        Raises:
            DualhashError: It is not an index, has another format, or is damaged.
        """
        self.path = path
        self._identity = _identity(path)
        self._turn = RLock()
        self.changes = False
        self.undone = 0
        self._connection, self.header = open_index_file(path)

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        with self._turn:
            self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Shows one state of the file: changes by others during the block are not seen in it."""
        with self._turn:
            with database_errors(self.path):  # also if the file is closed
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
        """Makes all changes in the block one transaction, kept as a whole or not at all.

        A block within such a block is a part of it: if it fails, only its own changes are undone.
        """
        with self._turn:
            nested = self.changes
            if nested:
                self._check_not_undone()
            self.execute("SAVEPOINT part" if nested else "BEGIN IMMEDIATE")
            self.changes = True
            try:
                self._check_not_replaced()
                yield
                self._check_not_undone()
                if not nested:
                    self.execute("COMMIT")
            except BaseException:
                self.undone += 1
                if not nested:
                    with database_errors(self.path):
                        self._connection.rollback()
                elif self._connection.in_transaction:
                    self.execute("ROLLBACK TO part")
                raise
            finally:
                self.changes = nested
                if nested and self._connection.in_transaction:
                    self.execute("RELEASE part")

    def select(self, sql: str, *values: object) -> Iterator[Any]:
        """Yields the rows of a query one by one."""
        with database_errors(self.path):
            rows = self._connection.execute(sql, values)
            for row in rows:  # noqa: UP028 - `yield from` would close it, perhaps after the file
                yield row

    def execute(self, sql: str, *values: object) -> list[Any]:
        """Executes a statement and returns all its rows."""
        with database_errors(self.path):
            return self._connection.execute(sql, values).fetchall()

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Executes a statement once for each row of values."""
        with database_errors(self.path):
            self._connection.executemany(sql, rows)

    def upgrade(self) -> None:
        """Brings a file of an older format into the present one, in a block of `changing`."""
        if self.execute("PRAGMA user_version") != [(FORMAT,)]:
            for table in CLUSTERS:
                self.execute(table)
            self.execute("DELETE FROM meta")
            with database_errors(self.path):
                write_header(self._connection, self.header, self.path.absolute().parent)

    def vacuum(self) -> None:
        """Returns unused space to the disk.

        Raises:
            DualhashError: A block of `changing` is open.
        """
        with self._turn:
            if self.changes:
                raise DualhashError(
                    f"{self.path} cannot be compacted in a block of `changing`; do it after the "
                    "block."
                )
            self._check_not_replaced()
            self.execute("VACUUM")
            self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _check_not_undone(self) -> None:
        """Refuses to continue if SQLite has undone the transaction, as it does on a full disk."""
        if not self._connection.in_transaction:
            raise UnusableIndexError(
                f"{self.path} is unchanged: a part of the change failed, for example because the "
                "disk is full, so all of it was undone."
            )

    def _check_not_replaced(self) -> None:
        """Refuses to write to a file that no longer has its path."""
        if _identity(self.path) != self._identity:
            raise DualhashError(
                f"{self.path} was replaced by another index after it was opened; open it again."
            )


def _identity(path: Path) -> tuple[int, ...]:
    """Returns device and inode, which differ once a file is replaced; empty if there is no file."""
    return (fingerprint(path) or ())[:2]
