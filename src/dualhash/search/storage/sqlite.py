"""SQLite connections to index files, and error messages for what SQLite reports."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dualhash.errors import DualhashError
from dualhash.files import is_there, may, not_readable, not_writable

PATIENCE = 30.0
"""Seconds to wait while another program writes."""

MAGIC = b"SQLite format 3\0"
"""The first bytes of a database."""

APPLICATION_ID = b"dhx1"
"""Marks a database as an index of dualhash, in SQLite's header from byte 68."""

NO_COMPANIONS = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
)
"""Errors if SQLite cannot create its files beside the database: read-only place or full disk."""

NO_DATABASE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

DAMAGE = ("decode", "unsupported")
"""Words of error messages that mean damaged content."""


class NotAnIndexError(DualhashError):
    """The file is missing or not an index of dualhash; it is never replaced."""


class ItemNotFoundError(DualhashError):
    """The index has no item with an id."""


class UnusableIndexError(DualhashError):
    """The index is damaged or cannot be read now; the request was not at fault."""


def connect(path: Path, mode: str = "mode=rwc") -> sqlite3.Connection:
    """Opens or creates a database. Transactions are explicit; one thread at a time may use it."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def connect_existing(path: Path) -> sqlite3.Connection:
    """Opens an existing index, also on a read-only medium or a full disk.

    SQLite must create files beside a database that has a log. If it cannot, the database is opened
    as an unchanging file.

    Only SQLite may open the file while it is sound: closing another handle would release the locks
    of all connections of this process.

    Raises:
        NotAnIndexError: The file is missing, empty, not readable, or not a database.
        DualhashError: The index is damaged; or SQLite cannot create its files and the log holds
            changes.
    """
    if not is_there(path):
        raise NotAnIndexError(f"{path} does not exist. Create it with `dualhash index create`.")
    if not path.is_file():
        raise NotAnIndexError(f"{path} cannot be read: it is not a file.")
    if not may(path, os.R_OK):
        raise NotAnIndexError(not_readable(path))
    if not path.stat().st_size:
        raise NotAnIndexError(
            f"{path} is empty, so it is not an index. Delete it, then create the index with "
            "`dualhash index create`, or name another file."
        )
    try:
        return connect(path, "mode=rw")
    except sqlite3.DatabaseError as error:
        code = error.sqlite_errorcode & 0xFF
        if code in NO_DATABASE:
            raise _no_database(path) from error
        if code not in NO_COMPANIONS:
            raise
    log, _ = companions(path)
    if log.exists() and log.stat().st_size:
        raise DualhashError(
            f"{path} cannot be opened: its last changes are still in {log.name}, and SQLite cannot "
            "create a file beside it to read them. Make the folder writable, free disk space, or "
            "copy both files to another folder."
        )
    return connect(path, "mode=ro&immutable=1")


def companions(path: Path) -> tuple[Path, Path]:
    """Returns the files that SQLite keeps beside an open database: the log and its shared index."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turns errors of SQLite in this block into a `DualhashError` that names the file."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise UnusableIndexError(f"{path} cannot be used: {error}") from error
    except sqlite3.OperationalError as error:
        message = str(error)
        if "readonly" in message:
            raise DualhashError(
                f"{path} cannot be changed: its folder is read-only, or the disk was full when the "
                "index was opened."
            ) from error
        if "unable to open" in message and not may(path.parent, os.W_OK):
            raise DualhashError(not_writable(path)) from error
        if any(word in message for word in DAMAGE):
            raise _damaged(path, message) from error
        hint = " Another program is using it; try again later." if "locked" in message else ""
        raise UnusableIndexError(f"{path} cannot be used now: {message}.{hint}") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter in SQLite's messages
        raise _damaged(path, str(error)) from error


def damaged(path: Path, part: str) -> DualhashError:
    """Returns the error for a part of an index that differs from what was written."""
    return _damaged(path, f"{part} failed its check")


def _no_database(path: Path) -> DualhashError:
    """Returns the error for a file that SQLite cannot read, by the marks in its header."""
    with path.open("rb") as file:
        start = file.read(72)
    if start[68:] == APPLICATION_ID:
        return damaged(path, "its header")
    return (
        foreign_database(path)
        if start.startswith(MAGIC)
        else NotAnIndexError(f"{path} is not an index of dualhash.")
    )


def foreign_database(path: Path) -> NotAnIndexError:
    """Returns the error for a database of another program."""
    return NotAnIndexError(f"{path} is not an index of dualhash, but another program's database.")


def _damaged(path: Path, reason: str) -> DualhashError:
    return UnusableIndexError(
        f"{path} is damaged: {reason}. Restore a copy, or create the index again with "
        "`dualhash index create --replace`."
    )
