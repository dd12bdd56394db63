"""Changes of an index file: each is one transaction, kept whole or not at all."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.records import BLOCK_COLUMNS, ITEM_COLUMNS, ItemRow
from dualhash.search.results import Labels
from dualhash.search.store import Store

BLOCK = 4096
"""Codes in a block, at most."""

Block = tuple[NDArray[np.int64], NDArray[np.uint8]]
"""Ids (n,), ascending, and packed codes (n, k/8)."""


def add(
    store: Store,
    codes: NDArray[np.uint8],
    images: Sequence[Path | str],
    payloads: Sequence[Mapping[str, Any]],
    labels: Sequence[Labels],
) -> NDArray[np.int64]:
    """Adds n items and returns their ids (n,), ascending."""
    with store.writing() as connection:
        start = _increase(connection, "next_id", len(codes))
        _increase(connection, "count", len(codes))
        ids = np.arange(start, start + len(codes), dtype=np.int64)
        rows = zip(ids.tolist(), images, labels, payloads, strict=True)
        _insert_items(connection, (store.records.item_row(*row) for row in rows))
        ((last,),) = connection.execute("SELECT max(first_id) FROM blocks")
        blocks = [] if last is None else [_take_block(store, connection, last)]
        _write_blocks(store, connection, [*blocks, (ids, codes)])
    return ids


def delete(store: Store, ids: Iterable[int]) -> None:
    """Deletes the items with these ids.

    Raises:
        DualhashError: There is no item with one of them; nothing is deleted.
    """
    gone = sorted({int(item) for item in ids})
    listed = json.dumps(gone)
    with store.writing() as connection:
        for (unknown,) in connection.execute(
            "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM items) LIMIT 1",
            (listed,),
        ):
            raise DualhashError(f"{store.path} has no item with the id {unknown}.")
        connection.execute(
            "DELETE FROM items WHERE id IN (SELECT value FROM json_each(?))", (listed,)
        )
        for first in _blocks_with(connection, gone):
            block_ids, codes = _take_block(store, connection, first)
            stay = ~np.isin(block_ids, gone)
            _write_blocks(store, connection, [(block_ids[stay], codes[stay])])
        _increase(connection, "count", -len(gone))
        _increase(connection, "edition", 1)


def update(
    store: Store,
    item: int,
    *,
    code: NDArray[np.uint8] | None = None,
    image: Path | str | None = None,
    payload: Mapping[str, Any] | None = None,
    labels: Labels | None = None,
) -> None:
    """Replaces what is given of an item: its packed code (k/8,), image, payload, labels.

    Raises:
        DualhashError: There is no such item.
    """
    with store.writing() as connection:
        _, kept = store.item(item)
        row = store.records.item_row(
            item,
            kept.image if image is None else image,
            kept.labels if labels is None else labels,
            kept.payload if payload is None else payload,
        )
        connection.execute("DELETE FROM items WHERE id = ?", (item,))
        _insert_items(connection, [row])
        if code is not None:
            (first,) = _blocks_with(connection, [item])
            ids, codes = _take_block(store, connection, first)
            codes = np.where((ids == item)[:, None], code, codes)
            _write_blocks(store, connection, [(ids, codes)])
        _increase(connection, "edition", 1)


def compact(store: Store) -> None:
    """Fills blocks up and gives the room of what was deleted back to the disk."""
    with store.writing() as connection:
        rest: list[Block] = []
        for (first,) in connection.execute(
            "SELECT first_id FROM blocks WHERE first_id >= "
            "(SELECT min(first_id) FROM blocks WHERE length(ids) < ?) ORDER BY first_id",
            (8 * BLOCK,),
        ).fetchall():
            rest.append(_take_block(store, connection, first))
            ids, codes = _joined(rest)
            full = len(ids) // BLOCK * BLOCK
            _write_blocks(store, connection, [(ids[:full], codes[:full])])
            rest = [(ids[full:], codes[full:])]
        if rest:
            _write_blocks(store, connection, rest)
    store.vacuum()


def _increase(connection: sqlite3.Connection, counter: str, by: int) -> int:
    """Returns what the counter was before."""
    ((before,),) = connection.execute("SELECT value FROM meta WHERE key = ?", (counter,))
    connection.execute("UPDATE meta SET value = ? WHERE key = ?", (before + by, counter))
    return int(before)


def _insert_items(connection: sqlite3.Connection, rows: Iterable[ItemRow]) -> None:
    connection.executemany(f"INSERT INTO items ({ITEM_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", rows)


def _blocks_with(connection: sqlite3.Connection, ids: list[int]) -> list[int]:
    """The first ids of the blocks that hold these ids."""
    rows = connection.execute("SELECT first_id FROM blocks ORDER BY first_id").fetchall()
    firsts = np.array([first for (first,) in rows])
    blocks = np.unique(np.searchsorted(firsts, ids, side="right") - 1)
    return [int(first) for first in firsts[blocks]]


def _take_block(store: Store, connection: sqlite3.Connection, first: int) -> Block:
    """Takes a block out of the file."""
    ((*row,),) = connection.execute(
        f"SELECT {BLOCK_COLUMNS} FROM blocks WHERE first_id = ?", (first,)
    )
    connection.execute("DELETE FROM blocks WHERE first_id = ?", (first,))
    return store.records.block(row)


def _write_blocks(store: Store, connection: sqlite3.Connection, parts: list[Block]) -> None:
    """Writes ids and codes, ascending, in blocks of one size, the last of which may be smaller."""
    ids, codes = _joined(parts)
    connection.executemany(
        f"INSERT INTO blocks ({BLOCK_COLUMNS}) VALUES (?, ?, ?, ?)",
        (
            store.records.block_row(ids[start : start + BLOCK], codes[start : start + BLOCK])
            for start in range(0, len(ids), BLOCK)
        ),
    )


def _joined(parts: list[Block]) -> Block:
    ids, codes = zip(*parts, strict=True)
    return np.concatenate(ids), np.concatenate(codes)
