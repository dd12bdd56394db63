"""SQLite as index files use it: connections, and what its complaints mean."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dualhash.errors import DualhashError
from dualhash.files import is_there, may, not_readable, not_writable

PATIENCE = 30.0
"""Seconds to wait for another program that writes."""

MAGIC = b"SQLite format 3\0"
"""What a database begins with."""

APPLICATION_ID = b"dhx1"
"""SQLite's mark of whose file it is, from byte 68 on."""

CANNOT_WRITE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
NO_DATABASE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


DAMAGE = ("decode", "unsupported")
"""Words of complaints that are about what stands in a file: text, its form."""


class NotAnIndexError(DualhashError):
    """What is there is nothing of dualhash's, and is to be left alone."""


class UnusableIndexError(DualhashError):
    """An index that is damaged, or cannot be read now: no fault of what it was asked."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection on which transactions are begun and ended by hand, by one thread at a time."""
    return _connected(path, "mode=rwc")


def connect_existing(path: Path) -> sqlite3.Connection:
    """A connection to a file that exists, which may be in a place that cannot be written to.

    SQLite cannot open a file with a log there, since it would have to write beside it; it is then
    told that nobody else writes either.

    Only SQLite opens the file as long as it is sound: closing a file of one's own takes away the
    locks of all connections that this process has to it.

    Raises:
        NotAnIndexError: It is not there, cannot be read, or is no database.
        DualhashError: It is a damaged index; or it cannot be written to, and there is a log that
            is not in it yet.
    """
    if not is_there(path):
        raise NotAnIndexError(f"{path} does not exist. `dualhash index create` makes an index.")
    if not path.is_file():
        raise NotAnIndexError(f"{path} cannot be read: it is no file.")
    if not may(path, os.R_OK):
        raise NotAnIndexError(not_readable(path))
    try:
        return _connected(path, "mode=rw")
    except sqlite3.DatabaseError as error:
        code = error.sqlite_errorcode & 0xFF
        if code in NO_DATABASE:
            raise _no_database(path) from error
        if code not in CANNOT_WRITE:
            raise
    log, _ = companions(path)
    if log.exists() and log.stat().st_size:
        raise DualhashError(
            f"{path} cannot be opened where nothing can be written: what was added last is still "
            f"in {log.name}. Open it once where it can be written, such as in a copy of the folder."
        )
    return _connected(path, "mode=ro&immutable=1")


def companions(path: Path) -> tuple[Path, Path]:
    """The files that SQLite keeps beside one that is open: its log and its index of the log."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Says which file it was that SQLite has something against."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise UnusableIndexError(f"{path} cannot be used: {error}") from error
    except sqlite3.OperationalError as error:
        if "readonly" in str(error):
            raise DualhashError(
                f"{path} cannot be changed: it is in a place that cannot be written to."
            ) from error
        if "unable to open" in str(error) and not may(path.parent, os.W_OK):
            raise DualhashError(not_writable(path)) from error
        if any(word in str(error) for word in DAMAGE):
            raise _damaged(path, str(error)) from error
        hint = " Another program is using it." if "locked" in str(error) else ""
        raise UnusableIndexError(f"{path} cannot be used now: {error}.{hint}") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter in what SQLite says
        raise _damaged(path, str(error)) from error


def damaged(path: Path, what: str) -> DualhashError:
    """The error to raise where something is not as it was written."""
    return _damaged(path, f"{what} is not what was written")


def _connected(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
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


def _no_database(path: Path) -> DualhashError:
    """What to say of a file that SQLite cannot make sense of, by what else is in its header."""
    with path.open("rb") as file:
        start = file.read(72)
    if start[68:] == APPLICATION_ID:
        return damaged(path, "its beginning")
    if start.startswith(MAGIC):
        return NotAnIndexError(
            f"{path} is not an index of dualhash, but another program's database."
        )
    return NotAnIndexError(f"{path} is not an index of dualhash.")


def _damaged(path: Path, what: str) -> DualhashError:
    return UnusableIndexError(
        f"{path} is damaged: {what}. Put a copy in its place or make it again with "
        "`dualhash index create --replace`."
    )
