"""The index file as a whole: how it is opened, made, and takes another's place.

docs/formats.md describes it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from dualhash.errors import DualhashError
from dualhash.files import is_there
from dualhash.search.storage.header import Header, read_header, write_header
from dualhash.search.storage.rows import IndexState, RowCodec
from dualhash.search.storage.sqlite import (
    NotAnIndexError,
    companions,
    connect,
    connect_existing,
    database_errors,
)
from dualhash.search.storage.unfinished import unfinished_file

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE state (
    count INTEGER NOT NULL,
    edition INTEGER NOT NULL,
    next_id INTEGER NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE blocks (
    first_id INTEGER PRIMARY KEY,
    ids BLOB NOT NULL,
    codes BLOB NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE fields (
    first_id INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    names TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE columns (
    field TEXT,
    first_id INTEGER,
    texts TEXT NOT NULL,
    which BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (field, first_id)
) WITHOUT ROWID;
CREATE TABLE changes (
    edition INTEGER PRIMARY KEY,
    ids BLOB NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    image TEXT NOT NULL,
    category TEXT,
    attributes BLOB NOT NULL,
    payload TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
"""

AT_FIRST = IndexState(count=0, edition=0, next_id=0)


def identity(path: Path) -> tuple[int, int] | None:
    """Tells a file from another that takes its place; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def open_index_file(path: Path) -> tuple[sqlite3.Connection, Header]:
    """A connection to an index file, and what stands in its header.

    Raises:
        NotAnIndexError: It is none, or cannot be read.
        DualhashError: It is damaged, or of another format.
    """
    with database_errors(path):
        connection = connect_existing(path)
        try:
            return connection, read_header(connection, path)
        except BaseException:
            connection.close()
            raise


@contextmanager
def new_index_file(path: Path, header: Header, *, replace: bool) -> Iterator[Path]:
    """Yields an unfinished index file that becomes `path`, in one step, when the block is left.

    When the block fails nothing becomes of it, and what was at `path` stays.

    Raises:
        DualhashError: There is an index and `replace` is False, it is in use, or there is
            something else.
    """
    _check_free(path, replace=replace)
    if not path.parent.is_dir():
        raise DualhashError(f"{path} cannot be written: there is no folder {path.parent}.")
    with ExitStack() as stack:
        with database_errors(path):
            unfinished = stack.enter_context(unfinished_file(path))
            _fill(unfinished, header)
        yield unfinished
        _check_free(path, replace=replace)
        with database_errors(path):
            _take_place(unfinished, path)


def _check_free(path: Path, *, replace: bool) -> None:
    """Only an index may be replaced, be it damaged or of another format."""
    if not is_there(path):
        return
    try:
        connection, _ = open_index_file(path)
        connection.close()
    except NotAnIndexError:
        raise
    except DualhashError:
        pass
    if not replace:
        raise DualhashError(f"{path} exists. The option `replace` makes it anew.")


def _fill(path: Path, header: Header) -> None:
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        write_header(connection, header, path.absolute().parent)
        records = RowCodec(path, header.bits, header.attribute_head.names)
        connection.execute("INSERT INTO state VALUES (?, ?, ?, ?)", records.state_row(AT_FIRST))


def _take_place(unfinished: Path, path: Path) -> None:
    """Renames a closed index file over another, whose log must not be taken for its own.

    Those who have the other one open go on reading it; `Store` keeps them from writing to it. One
    that is damaged is left as it is.
    """
    with closing(connect(unfinished)) as connection:
        _settle(connection, unfinished)
    with ExitStack() as stack:
        if path.exists():
            try:
                _settle(stack.enter_context(closing(connect(path))), path)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                pass
        for leftover in companions(path):
            leftover.unlink(missing_ok=True)
        unfinished.replace(path)


def _settle(index: sqlite3.Connection, path: Path) -> None:
    """Brings the log of an index into it and keeps others from writing until it is closed."""
    log, _ = companions(path)
    while not index.in_transaction:
        ((busy, _, _),) = index.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise sqlite3.OperationalError("database is locked")
        index.execute("BEGIN IMMEDIATE")
        if log.exists() and log.stat().st_size:  # somebody was quicker
            index.rollback()
