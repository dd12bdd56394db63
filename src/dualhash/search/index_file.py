"""The index file as a whole: what it is, how it is made, and how it takes another's place.

docs/formats.md describes it.
"""

import json
import os
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from dualhash.codes.heads import LinearHead
from dualhash.errors import DualhashError
from dualhash.search.checksum import checksum

APPLICATION_ID = int.from_bytes(b"dhx1")
"""SQLite's mark of whose file it is."""

FORMAT = 3
"""The format of index files that this version reads and writes."""

PATIENCE = 30.0
"""Seconds to wait for another program that writes."""

HOW: Any = {"timeout": PATIENCE, "isolation_level": None, "check_same_thread": False}

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
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

COUNTERS = ("count", "edition", "next_id")
"""What changes in the header, and is left out of its checksum."""


@dataclass(frozen=True, eq=False)
class Header:
    """What an index knows of all the codes in it.

    Attributes:
        bits: k.
        views: Views of each image that made its code; queries are encoded alike.
        model_hash: Of the model that made the codes.
        model_folder: Where that model was.
        category_head: C categories from k bits.
        attribute_head: p attributes from k bits.
        soft: How much probabilities weigh in soft searches, as found for the model; None if not.
    """

    bits: int
    views: int
    model_hash: str
    model_folder: Path
    category_head: LinearHead
    attribute_head: LinearHead
    soft: float | None = None


def check_index_file(path: Path) -> None:
    """Refuses what is not an index file, or one of a newer format, without opening it as one."""
    try:
        with path.open("rb") as file:
            start = file.read(100)
    except FileNotFoundError as error:
        raise DualhashError(
            f"{path} does not exist. `dualhash index create` makes an index."
        ) from error
    except OSError as error:
        raise DualhashError(f"{path} cannot be read: {error.strerror}.") from error
    if len(start) < 100 or not start.startswith(b"SQLite format 3\0"):
        raise DualhashError(f"{path} is not an index of dualhash.")
    version, application = struct.unpack(">60xI4xI28x", start)
    if application != APPLICATION_ID:
        raise DualhashError(f"{path} is not an index of dualhash, but another program's database.")
    if version > FORMAT:
        raise DualhashError(
            f"{path} has format {version}, newer than the {FORMAT} that this version of dualhash "
            "reads; upgrade dualhash."
        )


def identity(path: Path) -> tuple[int, int] | None:
    """Tells a file from another that takes its place; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def connect(path: Path) -> sqlite3.Connection:
    """A connection on which transactions are begun and ended by hand, by one thread at a time."""
    return _connected(sqlite3.connect(path, **HOW))


def connect_existing(path: Path) -> sqlite3.Connection:
    """A connection to an index file, which may be in a place that cannot be written to.

    SQLite cannot open a file with a log there, since it would have to write beside it; it is then
    told that nobody else writes either.

    Raises:
        DualhashError: It cannot be written to, and there is a log that is not in it yet.
    """
    connection = sqlite3.connect(path, **HOW)
    try:
        return _connected(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
    except BaseException:
        connection.close()
        raise
    log, _ = _companions(path)
    if log.exists() and log.stat().st_size:
        raise DualhashError(
            f"{path} cannot be opened where nothing can be written: what was added last is still "
            f"in {log.name}. Open it once where it can be written, such as in a copy of the folder."
        )
    unchanging = path.absolute().as_uri() + "?mode=ro&immutable=1"
    return _connected(sqlite3.connect(unchanging, uri=True, **HOW))


def _connected(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return connection


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
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.unfinished")
    try:
        with database_errors(path):
            _fill(unfinished, header)
        yield unfinished
        _check_free(path, replace=replace)
        with database_errors(path):
            _take_place(unfinished, path)
    finally:
        for leftover in (unfinished, *_companions(unfinished)):
            leftover.unlink(missing_ok=True)


def read_header(connection: sqlite3.Connection, path: Path) -> Header:
    """The header of an open index file.

    Raises:
        DualhashError: It is damaged, or of an older format.
    """
    ((version,),) = connection.execute("PRAGMA user_version")
    if version < FORMAT:
        raise DualhashError(
            f"{path} has format {version}, older than the {FORMAT} that this version of dualhash "
            "reads; make it again with `dualhash index create --replace`."
        )
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    if meta.pop("checksum", None) != _checksum(meta):
        raise DualhashError(
            f"{path} is damaged: its header is not what was written. Put a copy in its place or "
            "make it again with `dualhash index create --replace`."
        )
    try:
        return Header(
            bits=meta["bits"],
            views=meta["views"],
            model_hash=meta["model_hash"],
            model_folder=path.absolute().parent / meta["model_folder"],
            category_head=_head_of(meta, "category"),
            attribute_head=_head_of(meta, "attribute"),
            soft=json.loads(meta["soft"]),
        )
    except (KeyError, ValueError) as error:
        raise DualhashError(f"{path} is damaged: its header is not complete.") from error


def portable(path: Path | str, folder: Path) -> str:
    """How `path` is written down in a file in `folder` (absolute).

    What lies in the folder or below is named from there, so that they can be moved together;
    anything else by its full path.
    """
    # As text, which is many times faster than paths; symbolic links stay as they are.
    full, inside = os.path.abspath(path), os.path.join(folder, "")  # noqa: PTH100, PTH118
    return full.removeprefix(inside).replace(os.sep, "/") if full.startswith(inside) else full


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Says which file it was that SQLite has something against."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise DualhashError(f"{path} cannot be used: {error}") from error
    except sqlite3.OperationalError as error:
        if "readonly" in str(error):
            raise DualhashError(
                f"{path} cannot be changed: it is in a place that cannot be written to."
            ) from error
        if "decode" in str(error):  # text that is not text any more
            raise _damaged(path, error) from error
        hint = " Another program is using it." if "locked" in str(error) else ""
        raise DualhashError(f"{path} cannot be used now: {error}.{hint}") from error
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: sqlite3.Error) -> DualhashError:
    return DualhashError(
        f"{path} is damaged: {error}. Make it again with `dualhash index create --replace`."
    )


def _check_free(path: Path, *, replace: bool) -> None:
    if not path.exists():
        return
    check_index_file(path)
    if not replace:
        raise DualhashError(f"{path} exists. Say --replace to make it anew.")


def _fill(path: Path, header: Header) -> None:
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.executescript(SCHEMA)
        meta = {
            "bits": header.bits,
            "views": header.views,
            "model_hash": header.model_hash,
            "model_folder": portable(header.model_folder, path.absolute().parent),
            "soft": json.dumps(header.soft),
            **_meta_of(header.category_head, "category"),
            **_meta_of(header.attribute_head, "attribute"),
        }
        meta |= {"checksum": _checksum(meta), **dict.fromkeys(COUNTERS, 0)}
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())


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
        for leftover in _companions(path):
            leftover.unlink(missing_ok=True)
        unfinished.replace(path)


def _settle(index: sqlite3.Connection, path: Path) -> None:
    """Brings the log of an index into it and keeps others from writing until it is closed."""
    log, _ = _companions(path)
    while not index.in_transaction:
        ((busy, _, _),) = index.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise sqlite3.OperationalError("database is locked")
        index.execute("BEGIN IMMEDIATE")
        if log.exists() and log.stat().st_size:  # somebody was quicker
            index.rollback()


def _companions(path: Path) -> tuple[Path, Path]:
    """The files that SQLite keeps beside one that is open."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def _checksum(meta: Mapping[str, Any]) -> int:
    """Of the names and values that stay as they are, in the order of names."""
    fixed = [pair for pair in meta.items() if pair[0] not in COUNTERS]
    fixed.sort(key=lambda pair: str(pair[0]))
    return checksum(*(part for pair in fixed for part in pair))


def _meta_of(head: LinearHead, which: str) -> dict[str, str | bytes]:
    return {
        f"{which}_names": json.dumps(head.names, ensure_ascii=False),
        f"{which}_weight": head.weight.astype("<f4").tobytes(),
        f"{which}_bias": head.bias.astype("<f4").tobytes(),
    }


def _head_of(meta: Mapping[str, Any], which: str) -> LinearHead:
    names = tuple(json.loads(meta[f"{which}_names"]))
    weight = np.frombuffer(meta[f"{which}_weight"], "<f4").reshape(len(names), meta["bits"])
    bias = np.frombuffer(meta[f"{which}_bias"], "<f4").reshape(len(names))
    return LinearHead(names, weight.astype(np.float32), bias.astype(np.float32))
