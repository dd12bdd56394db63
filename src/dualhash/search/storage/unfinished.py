"""Files in the making, beside the one whose place they take when they are complete."""

import glob
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

from dualhash.search.storage.sqlite import companions

UNFINISHED, LOCK = ".unfinished", ".unfinished-lock"


@contextmanager
def unfinished_file(path: Path) -> Iterator[Path]:
    """Yields the name of a new file beside `path`; what has that name at the end is removed.

    What killed programs have left of new files for the same path is removed, too. A lock tells it
    from what others are making now. It is SQLite's, on a file of its own: the system gives it up
    however its holder ends.

    Raises:
        sqlite3.OperationalError: The folder cannot be written.
    """
    for lock in path.parent.glob(f".{glob.escape(path.name)}.*{LOCK}"):
        _remove_abandoned(lock)
    lock, held = _new_lock(path)
    unfinished = lock.with_suffix(UNFINISHED)
    try:
        with closing(held):
            try:
                yield unfinished
            finally:
                _remove(unfinished)
    finally:
        lock.unlink(missing_ok=True)


def _new_lock(path: Path) -> tuple[Path, sqlite3.Connection]:
    while True:
        lock = path.with_name(f".{path.name}.{uuid4().hex}{LOCK}")
        held = _locked(lock, "rwc")
        if lock.exists():
            return lock, held
        held.close()  # somebody took it for abandoned before it was locked


def _remove_abandoned(lock: Path) -> None:
    try:
        with closing(_locked(lock, "rw")):
            _remove(lock.with_suffix(UNFINISHED))
    except sqlite3.OperationalError:  # its maker lives, or somebody else removes it
        return
    lock.unlink(missing_ok=True)


def _locked(lock: Path, mode: str) -> sqlite3.Connection:
    """A connection that keeps all others from locking the file until it is closed."""
    address = f"{lock.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("BEGIN EXCLUSIVE")
    except BaseException:
        connection.close()
        raise
    return connection


def _remove(unfinished: Path) -> None:
    for leftover in (unfinished, *companions(unfinished)):
        leftover.unlink(missing_ok=True)
