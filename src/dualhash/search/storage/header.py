"""The header of an index file: what it knows of all its codes, and of its own format.

docs/formats.md describes it.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dualhash.codes.linear_head import LinearHead
from dualhash.errors import DualhashError
from dualhash.search.storage.checksum import checksum
from dualhash.search.storage.paths import portable
from dualhash.search.storage.sqlite import APPLICATION_ID, NotAnIndexError, damaged

FORMAT = 4
"""The format of index files that this version reads and writes."""


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
        attribute_weight: Weight chosen for the model in weighted searches; None if unknown.
    """

    bits: int
    views: int
    model_hash: str
    model_folder: Path
    category_head: LinearHead
    attribute_head: LinearHead
    attribute_weight: float | None = None


def write_header(connection: sqlite3.Connection, header: Header, folder: Path) -> None:
    """Writes the header of an index file in `folder` (absolute), and SQLite's marks of it."""
    connection.execute(f"PRAGMA application_id = {int.from_bytes(APPLICATION_ID)}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    meta = {
        "format": FORMAT,
        "bits": header.bits,
        "views": header.views,
        "model_hash": header.model_hash,
        "model_folder": portable(header.model_folder, folder),
        "soft": json.dumps(header.attribute_weight),
        **_meta_of(header.category_head, "category"),
        **_meta_of(header.attribute_head, "attribute"),
    }
    meta |= {"checksum": _checksum(meta)}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())


def read_header(connection: sqlite3.Connection, path: Path) -> Header:
    """The header of an open index file.

    The checksum decides before the format does, so that damage is not taken for another format.

    Raises:
        NotAnIndexError: It is another program's database.
        DualhashError: It is damaged, or of another format.
    """
    ((application,),) = connection.execute("PRAGMA application_id")
    ((version,),) = connection.execute("PRAGMA user_version")
    ours, meta = application == int.from_bytes(APPLICATION_ID), _read_meta(connection)
    if meta.pop("checksum", None) != _checksum(meta):
        if not ours:
            raise NotAnIndexError(
                f"{path} is not an index of dualhash, but another program's database."
            )
        if version < FORMAT and "format" not in meta:  # which the first formats did not have
            raise _older(path, version)
        raise damaged(path, "its header")
    if not ours or version != meta.get("format"):
        raise damaged(path, "its format")
    if version < FORMAT:
        raise _older(path, version)
    if version > FORMAT:
        raise DualhashError(
            f"{path} has format {version}, newer than the {FORMAT} that this version of dualhash "
            "reads; upgrade dualhash."
        )
    try:
        return Header(
            bits=meta["bits"],
            views=meta["views"],
            model_hash=meta["model_hash"],
            model_folder=path.absolute().parent / meta["model_folder"],
            category_head=_head_of(meta, "category"),
            attribute_head=_head_of(meta, "attribute"),
            attribute_weight=json.loads(meta["soft"]),
        )
    except (KeyError, ValueError) as error:
        raise damaged(path, "its header") from error


def _older(path: Path, version: int) -> DualhashError:
    return DualhashError(
        f"{path} has format {version}, older than the {FORMAT} that this version of dualhash "
        "reads; make it again with `dualhash index create --replace`."
    )


def _read_meta(connection: sqlite3.Connection) -> dict[str, Any]:
    """Nothing where there is no such table, or text in it is not text any more."""
    try:
        return dict(connection.execute("SELECT key, value FROM meta"))
    except sqlite3.OperationalError:
        return {}


def _checksum(meta: Mapping[str, Any]) -> int:
    """Of all names and values, in the order of names."""
    pairs = sorted(meta.items(), key=lambda pair: str(pair[0]))
    return checksum(*(part for pair in pairs for part in pair))


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
