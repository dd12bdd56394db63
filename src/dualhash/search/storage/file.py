"""Opens, creates and replaces index files."""

import glob
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from dualhash.errors import DualhashError
from dualhash.files import is_there
from dualhash.search.storage.header import Header, read_header, write_header
from dualhash.search.storage.rows import checksum
from dualhash.search.storage.sqlite import (
    NotAnIndexError,
    companions,
    connect,
    connect_existing,
    database_errors,
)

CLUSTERS = (
    "CREATE TABLE clusters "
    "(first_id INTEGER PRIMARY KEY, filed BLOB NOT NULL, checksum INTEGER NOT NULL)",
    "CREATE TABLE centres (count INTEGER NOT NULL, edition INTEGER NOT NULL, "
    "next_id INTEGER NOT NULL, codes BLOB NOT NULL, checksum INTEGER NOT NULL)",
)
"""The tables that format 6 added."""

SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE state (
    count INTEGER NOT NULL, edition INTEGER NOT NULL, next_id INTEGER NOT NULL,
    checksum INTEGER NOT NULL);
CREATE TABLE blocks (
    first_id INTEGER PRIMARY KEY, ids BLOB NOT NULL, codes BLOB NOT NULL,
    checksum INTEGER NOT NULL);
CREATE TABLE fields (
    first_id INTEGER PRIMARY KEY, count INTEGER NOT NULL, names TEXT NOT NULL,
    checksum INTEGER NOT NULL);
CREATE TABLE columns (
    field TEXT, first_id INTEGER, texts TEXT NOT NULL, which BLOB NOT NULL,
    checksum INTEGER NOT NULL, PRIMARY KEY (field, first_id)) WITHOUT ROWID;
CREATE TABLE changes (
    edition INTEGER PRIMARY KEY, ids BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE items (
    id INTEGER PRIMARY KEY, image TEXT NOT NULL, category TEXT, attributes BLOB NOT NULL,
    payload TEXT NOT NULL, checksum INTEGER NOT NULL);
{"; ".join(CLUSTERS)};
"""
"""The tables of an index file; `docs/formats.md` describes them."""

UNFINISHED, LOCK = ".unfinished", ".unfinished-lock"


def open_index_file(path: Path) -> tuple[sqlite3.Connection, Header]:
    """Opens an index file and reads its header.

    Raises:
        NotAnIndexError: It is not an index, or cannot be read.
        DualhashError: It is damaged or has another format.
    """
    with database_errors(path):
        connection = connect_existing(path)
        try:
            return connection, read_header(connection, path)
        except BaseException:
            connection.close()
            raise


@contextmanager
def new_index_file(
    path: Path, header: Header, *, replace: bool, source: str | None = None
) -> Iterator[Path]:
    """Yields an unfinished index file that becomes `path`, in one step, at the end of the block.

    If the block fails, the unfinished file is removed and `path` stays as it was.

    Args:
        path: The index file to create.
        header: Its header.
        replace: Whether it may replace an existing index.
        source: Identifies the content. If it is given, a block that is killed or interrupted
            leaves its unfinished file, and the next block with the same source, model and views
            continues with it.

    Raises:
        DualhashError: There is an index and `replace` is False, it is in use, or there is
            another file.
    """
    if "\0" in str(path):
        raise DualhashError(f"{str(path)!r} cannot be written: a path has no null characters.")
    _check_free(path, replace=replace)
    if not path.parent.is_dir():
        raise DualhashError(f"{path} cannot be written: there is no folder {path.parent}.")
    key = None
    if source is not None:
        parts = (
            source,
            header.model_hash,
            header.views,
            str(header.model_folder and header.model_folder.absolute()),
        )
        key = sha256(repr(parts).encode()).hexdigest()[:32]
    with _unfinished_file(path, key) as unfinished:
        with database_errors(path):
            try:
                open_index_file(unfinished)[0].close()
            except DualhashError:
                _remove(unfinished)
                _create(unfinished, header)
        yield unfinished
        _check_free(path, replace=replace)
        with database_errors(path):
            _move(unfinished, path)


def _check_free(path: Path, *, replace: bool) -> None:
    """Refuses to replace anything but an index, which may be damaged or have another format."""
    if not is_there(path):
        return
    try:
        open_index_file(path)[0].close()
    except NotAnIndexError:
        raise
    except DualhashError:
        pass
    if not replace:
        raise DualhashError(f"{path} exists already. The option `replace` replaces it.")


def _create(path: Path, header: Header) -> None:
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN; {SCHEMA}")
        write_header(connection, header, path.absolute().parent)
        connection.execute("INSERT INTO state VALUES (0, 0, 0, ?)", (checksum(0, 0, 0),))
        connection.execute("COMMIT")


def _move(unfinished: Path, path: Path) -> None:
    """Renames a closed index file over another, whose log must not be applied to the new one.

    Programs that have the other one open continue to read it; `IndexConnection` keeps them from
    writing to it.
    """
    with closing(connect(unfinished)) as connection:
        _empty_log(connection, unfinished)
    with ExitStack() as stack:
        if path.exists():
            try:
                _empty_log(stack.enter_context(closing(connect(path))), path)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:  # a damaged index is replaced as it is
                pass
        for companion in companions(path):
            companion.unlink(missing_ok=True)
        unfinished.replace(path)


def _empty_log(connection: sqlite3.Connection, path: Path) -> None:
    """Moves the log of an index into it, and blocks other writers until it is closed."""
    log, _ = companions(path)
    while not connection.in_transaction:
        ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise sqlite3.OperationalError("database is locked")
        connection.execute("BEGIN IMMEDIATE")
        if log.exists() and log.stat().st_size:  # another program wrote in between
            connection.rollback()


@contextmanager
def _unfinished_file(path: Path, key: str | None) -> Iterator[Path]:
    """Yields the path of an unfinished file beside `path`, and removes that file at the end.

    With a key, the path is the same each time, and the file is kept if the block is interrupted.
    All other unfinished files for `path` are removed, unless their program still runs: it holds an
    SQLite lock on a file of its own, which the system releases however the program ends.

    Raises:
        DualhashError: The folder cannot be written.
    """
    with database_errors(path):
        lock, connection = _new_lock(path, key)
        for other in path.parent.glob(f".{glob.escape(path.name)}.*{LOCK}"):
            if other != lock:
                _remove_abandoned(other)
    unfinished, keep = lock.with_suffix(UNFINISHED), False
    try:
        with closing(connection):
            try:
                yield unfinished
            except (KeyboardInterrupt, SystemExit):
                keep = lock == _lock_file(path, key)
                raise
            finally:
                if not keep:
                    _remove(unfinished)
    finally:
        if not keep:
            lock.unlink(missing_ok=True)


def _lock_file(path: Path, key: str | None) -> Path:
    return path.with_name(f".{path.name}.{key or uuid4().hex}{LOCK}")


def _new_lock(path: Path, key: str | None) -> tuple[Path, sqlite3.Connection]:
    lock = _lock_file(path, key)
    while True:
        try:
            connection = _locked(lock, "rwc")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            lock = _lock_file(path, None)  # another program creates the same index
            continue
        if lock.exists():
            return lock, connection
        connection.close()  # another program removed it before it was locked


def _remove_abandoned(lock: Path) -> None:
    try:
        with closing(_locked(lock, "rw")):
            _remove(lock.with_suffix(UNFINISHED))
    except sqlite3.OperationalError:  # its program runs, or another one removes it
        return
    lock.unlink(missing_ok=True)


def _locked(lock: Path, mode: str) -> sqlite3.Connection:
    """Opens a connection that keeps all others from locking the file until it is closed."""
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
    for file in (unfinished, *companions(unfinished)):
        file.unlink(missing_ok=True)
