"""Changes of an index file: each is one transaction, kept whole or not at all."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.results import ItemLabels
from dualhash.search.storage.payload_columns import Fields, fields_of, joined, taken
from dualhash.search.storage.reader import IndexReader
from dualhash.search.storage.rows import (
    BLOCK_COLUMNS,
    CHANGE_COLUMNS,
    COLUMN_COLUMNS,
    FIELDS_COLUMNS,
    ITEM_COLUMNS,
    IndexState,
    ItemRow,
)

CODES_PER_BLOCK = 4096
"""Codes in a block, at most."""


@dataclass(frozen=True, eq=False)
class Block:
    """What is kept of n items beside their rows.

    Attributes:
        ids: (n,) int64, ascending.
        codes: (n, k/8) uint8, packed.
        fields: Their columns.
    """

    ids: NDArray[np.int64]
    codes: NDArray[np.uint8]
    fields: Fields

    def take(self, rows: NDArray[np.int64]) -> "Block":
        """Only these items."""
        return Block(self.ids[rows], self.codes[rows], taken(self.fields, rows.tolist()))


def add(
    store: IndexReader,
    codes: NDArray[np.uint8],
    images: Sequence[Path | str],
    payloads: Sequence[Mapping[str, Any]],
    labels: Sequence[ItemLabels],
) -> NDArray[np.int64]:
    """Adds n items and returns their ids (n,), ascending."""
    with store.writing() as connection:
        start = _advance(store, connection, count=len(codes), next_id=len(codes)).next_id
        ids = np.arange(start, start + len(codes), dtype=np.int64)
        rows = [
            store.records.item_row(*row)
            for row in zip(ids.tolist(), images, labels, payloads, strict=True)
        ]
        _insert_items(connection, rows)
        ((last,),) = connection.execute("SELECT max(first_id) FROM blocks")
        blocks = [] if last is None else [_take_block(store, connection, last)]
        _write_blocks(store, connection, [*blocks, Block(ids, codes, _fields_of(rows))])
    return ids


def delete(store: IndexReader, ids: Iterable[int]) -> None:
    """Deletes the items with these ids.

    Raises:
        DualhashError: There is no item with one of them; nothing is deleted.
    """
    gone = sorted({int(item) for item in ids})
    with store.writing() as connection:
        _check_there(store, connection, gone)
        _delete_items(connection, gone)
        for first in _blocks_with(connection, gone):
            block = _take_block(store, connection, first)
            stay = np.flatnonzero(~np.isin(block.ids, gone))
            _write_blocks(store, connection, [block.take(stay)])
        _note_change(store, connection, gone, count=-len(gone))


def update(
    store: IndexReader,
    item: int,
    *,
    code: NDArray[np.uint8] | None = None,
    image: Path | str | None = None,
    payload: Mapping[str, Any] | None = None,
    labels: ItemLabels | None = None,
) -> None:
    """Replaces what is given of an item: its packed code (k/8,), image, payload, labels.

    Raises:
        DualhashError: There is no such item.
    """
    with store.writing() as connection:
        before, kept = store.item(item)
        row = store.records.item_row(
            item,
            kept.image if image is None else image,
            kept.labels if labels is None else labels,
            kept.payload if payload is None else payload,
        )
        _replace(store, connection, (before if code is None else code)[None], [row])


def replace(
    store: IndexReader,
    codes: NDArray[np.uint8],
    images: Sequence[Path | str],
    payloads: Sequence[Mapping[str, Any]],
    labels: Sequence[ItemLabels],
    *,
    ids: Sequence[int],
) -> None:
    """Puts other contents in the place of n items, each named once.

    Raises:
        DualhashError: There is no item with one of the ids; nothing is replaced.
    """
    with store.writing() as connection:
        _check_there(store, connection, ids)
        rows = [
            store.records.item_row(*row) for row in zip(ids, images, labels, payloads, strict=True)
        ]
        _replace(store, connection, codes, rows)


def compact(store: IndexReader) -> None:
    """Fills blocks up and gives the room of what was deleted back to the disk."""
    with store.writing() as connection:
        connection.execute("DELETE FROM changes")
        rest: list[Block] = []
        for (first,) in connection.execute(
            "SELECT first_id FROM blocks WHERE first_id >= "
            "(SELECT min(first_id) FROM blocks WHERE length(ids) < ?) ORDER BY first_id",
            (8 * CODES_PER_BLOCK,),
        ).fetchall():
            rest.append(_take_block(store, connection, first))
            block = _joined(rest)
            rows = np.arange(len(block.ids))
            full = len(rows) // CODES_PER_BLOCK * CODES_PER_BLOCK
            _write_blocks(store, connection, [block.take(rows[:full])])
            rest = [block.take(rows[full:])]
        if rest:
            _write_blocks(store, connection, rest)
    store.vacuum()


def _advance(
    store: IndexReader,
    connection: sqlite3.Connection,
    *,
    count: int = 0,
    edition: int = 0,
    next_id: int = 0,
) -> IndexState:
    """Adds to the numbers of what the file holds, and returns what they were before."""
    before = store.state()
    after = IndexState(before.count + count, before.edition + edition, before.next_id + next_id)
    connection.execute(
        "UPDATE state SET count = ?, edition = ?, next_id = ?, checksum = ?",
        store.records.state_row(after),
    )
    return before


def _check_there(store: IndexReader, connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    for (unknown,) in connection.execute(
        "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM items) LIMIT 1",
        (json.dumps(ids),),
    ):
        raise DualhashError(f"{store.path} has no item with the id {unknown}.")


def _delete_items(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    connection.execute(
        "DELETE FROM items WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
    )


def _replace(
    store: IndexReader,
    connection: sqlite3.Connection,
    codes: NDArray[np.uint8],
    rows: Sequence[ItemRow],
) -> None:
    """Puts n codes and rows in the place of those with the same ids."""
    ids = [row[0] for row in rows]
    _delete_items(connection, ids)
    _insert_items(connection, rows)
    new = Block(np.array(ids, np.int64), codes, _fields_of(rows))
    for first in _blocks_with(connection, ids):
        block = _take_block(store, connection, first)
        here = np.flatnonzero(np.isin(new.ids, block.ids))
        order = np.arange(len(block.ids))
        order[np.searchsorted(block.ids, new.ids[here])] = len(order) + np.arange(len(here))
        _write_blocks(store, connection, [_joined([block, new.take(here)]).take(order)])
    _note_change(store, connection, ids)


def _insert_items(connection: sqlite3.Connection, rows: Iterable[ItemRow]) -> None:
    connection.executemany(f"INSERT INTO items ({ITEM_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", rows)


def _blocks_with(connection: sqlite3.Connection, ids: list[int]) -> list[int]:
    """The first ids of the blocks that hold these ids."""
    rows = connection.execute("SELECT first_id FROM blocks ORDER BY first_id").fetchall()
    firsts = np.array([first for (first,) in rows])
    blocks = np.unique(np.searchsorted(firsts, ids, side="right") - 1)
    return [int(first) for first in firsts[blocks]]


def _note_change(
    store: IndexReader, connection: sqlite3.Connection, ids: list[int], *, count: int = 0
) -> None:
    """Begins the next edition, in which these items are not what they were."""
    edition = _advance(store, connection, count=count, edition=1).edition + 1
    connection.execute(
        f"INSERT INTO changes ({CHANGE_COLUMNS}) VALUES (?, ?, ?)",
        store.records.change_row(edition, ids),
    )


def _fields_of(rows: Sequence[ItemRow]) -> Fields:
    return fields_of([(category, json.loads(payload)) for _, _, category, _, payload, _ in rows])


def _take_block(store: IndexReader, connection: sqlite3.Connection, first: int) -> Block:
    """Takes a block out of the file."""
    ((*row,),) = connection.execute(
        f"SELECT {BLOCK_COLUMNS} FROM blocks WHERE first_id = ?", (first,)
    )
    ids, codes = store.records.block(row)
    fields = store.block_fields(first)
    connection.executemany(
        "DELETE FROM columns WHERE field = ? AND first_id = ?", ((name, first) for name in fields)
    )
    for table in ("blocks", "fields"):
        connection.execute(f"DELETE FROM {table} WHERE first_id = ?", (first,))
    return Block(ids, codes, fields)


def _write_blocks(store: IndexReader, connection: sqlite3.Connection, parts: list[Block]) -> None:
    """Writes items, ascending, in blocks of one size, the last of which may be smaller."""
    records, whole = store.records, _joined(parts)
    for start in range(0, len(whole.ids), CODES_PER_BLOCK):
        block = whole.take(np.arange(start, min(start + CODES_PER_BLOCK, len(whole.ids))))
        row = records.block_row(block.ids, block.codes)
        first, fields = row[0], _had(block.fields)
        connection.execute(f"INSERT INTO blocks ({BLOCK_COLUMNS}) VALUES (?, ?, ?, ?)", row)
        connection.execute(
            f"INSERT INTO fields ({FIELDS_COLUMNS}) VALUES (?, ?, ?, ?)",
            records.fields_row(first, len(block.ids), fields),
        )
        connection.executemany(
            f"INSERT INTO columns ({COLUMN_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
            (records.column_row(name, first, column) for name, column in fields.items()),
        )


def _had(fields: Fields) -> Fields:
    """The columns of fields that some item has."""
    return {
        name: column for name, column in fields.items() if any(text is not None for text in column)
    }


def _joined(parts: list[Block]) -> Block:
    return Block(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.codes for part in parts]),
        joined((len(part.ids), part.fields) for part in parts),
    )
