"""Changes an index file. Each change is one transaction: it is kept as a whole or not at all."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.results import ItemLabels
from dualhash.search.storage.payload_columns import Fields, fields_of, joined, taken
from dualhash.search.storage.reader import IndexReader, whole_id
from dualhash.search.storage.rows import IndexState

CODES_PER_BLOCK = 4096
"""The largest number of codes in a block."""

WITH_IDS = "id IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, eq=False)
class Block:
    """n items without their rows.

    Attributes:
        ids: (n,) int64, ascending.
        codes: (n, k/8) uint8, packed.
        fields: Their columns.
    """

    ids: NDArray[np.int64]
    codes: NDArray[np.uint8]
    fields: Fields

    @classmethod
    def joined(cls, parts: Sequence["Block"]) -> "Block":
        """Joins blocks in this order."""
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.codes for part in parts]),
            joined((len(part.ids), part.fields) for part in parts),
        )

    def take(self, rows: NDArray[np.intp]) -> "Block":
        """Returns only these items."""
        return Block(self.ids[rows], self.codes[rows], taken(self.fields, rows.tolist()))


def add(
    store: IndexReader,
    codes: NDArray[np.uint8],
    images: Sequence[Path | str],
    payloads: Sequence[Mapping[str, Any]],
    labels: Sequence[ItemLabels],
) -> NDArray[np.int64]:
    """Adds n items and returns their ids (n,), ascending."""
    with store.changing():
        start = _advance(store, count=len(codes), next_id=len(codes)).next_id
        ids = range(start, start + len(codes))
        items = zip(ids, images, labels, payloads, strict=True)
        block = _insert_items(store, codes, items)
        ((last,),) = store.execute("SELECT max(first_id) FROM blocks")
        before = [] if last is None else [_take_block(store, last)]
        _write_blocks(store, Block.joined([*before, block]))
    return block.ids


def delete(store: IndexReader, ids: Iterable[int]) -> None:
    """Deletes the items with these ids.

    Raises:
        DualhashError: An id does not exist; nothing is deleted.
    """
    deleted = sorted({whole_id(item) for item in ids})
    with store.changing():
        _check_exist(store, deleted)
        store.execute(f"DELETE FROM items WHERE {WITH_IDS}", json.dumps(deleted))
        for first in _blocks_with(store, deleted):
            block = _take_block(store, first)
            rest = block.take(np.flatnonzero(~np.isin(block.ids, deleted)))
            _write_blocks(store, rest)
        _record_change(store, deleted, count=-len(deleted))


def update(
    store: IndexReader,
    item: int,
    *,
    code: NDArray[np.uint8] | None = None,
    image: Path | str | None = None,
    payload: Mapping[str, Any] | None = None,
    labels: ItemLabels | None = None,
) -> None:
    """Replaces some parts of an item: its packed code (k/8,), image, payload or labels.

    Raises:
        DualhashError: The id does not exist.
    """
    with store.changing():
        old_code, old = store.get(item)
        replace(
            store,
            (old_code if code is None else code)[None],
            [old.image if image is None else image],
            [old.payload if payload is None else payload],
            [old.labels if labels is None else labels],
            ids=[item],
        )


def replace(
    store: IndexReader,
    codes: NDArray[np.uint8],
    images: Sequence[Path | str],
    payloads: Sequence[Mapping[str, Any]],
    labels: Sequence[ItemLabels],
    *,
    ids: Sequence[int],
) -> None:
    """Replaces n items, whose ids are distinct.

    Raises:
        DualhashError: An id does not exist; nothing is replaced.
    """
    with store.changing():
        _check_exist(store, ids)
        store.execute(f"DELETE FROM items WHERE {WITH_IDS}", json.dumps(ids))
        items = zip(ids, images, labels, payloads, strict=True)
        new = _insert_items(store, codes, items)
        for first in _blocks_with(store, ids):
            block = _take_block(store, first)
            replaced = np.flatnonzero(np.isin(new.ids, block.ids))
            order = np.arange(len(block.ids))
            places = np.searchsorted(block.ids, new.ids[replaced])
            order[places] = len(order) + np.arange(len(replaced))
            both = Block.joined([block, new.take(replaced)])
            _write_blocks(store, both.take(order))
        _record_change(store, ids)


def compact(store: IndexReader) -> None:
    """Fills blocks up and returns the space of deleted items to the disk."""
    with store.changing():
        store.execute("DELETE FROM changes")
        rest: list[Block] = []
        for (first,) in store.execute(
            "SELECT first_id FROM blocks WHERE first_id >= "
            "(SELECT min(first_id) FROM blocks WHERE length(ids) < ?) ORDER BY first_id",
            8 * CODES_PER_BLOCK,
        ):
            block = Block.joined([*rest, _take_block(store, first)])
            rows = np.arange(len(block.ids))
            full = len(rows) // CODES_PER_BLOCK * CODES_PER_BLOCK
            _write_blocks(store, block.take(rows[:full]))
            rest = [block.take(rows[full:])]
        for block in rest:
            _write_blocks(store, block)
    store.vacuum()


def _advance(
    store: IndexReader,
    *,
    count: int = 0,
    edition: int = 0,
    next_id: int = 0,
) -> IndexState:
    """Adds to the counters and returns what they were before."""
    before = store.state
    after = IndexState(before.count + count, before.edition + edition, before.next_id + next_id)
    row = store.records.state_row(after)
    store.execute("UPDATE state SET count = ?, edition = ?, next_id = ?, checksum = ?", *row)
    return before


def _record_change(store: IndexReader, ids: Sequence[int], *, count: int = 0) -> None:
    """Starts the next edition, in which these items have changed."""
    edition = _advance(store, count=count, edition=1).edition + 1
    row = store.records.change_row(edition, ids)
    store.execute("INSERT INTO changes VALUES (?, ?, ?)", *row)


def _check_exist(store: IndexReader, ids: Sequence[int]) -> None:
    for (unknown,) in store.execute(
        "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM items) LIMIT 1",
        json.dumps(ids),
    ):
        raise DualhashError(f"{store.path} has no item with the id {unknown}.")


def _insert_items(
    store: IndexReader,
    codes: NDArray[np.uint8],
    items: Iterable[tuple[int, Path | str, ItemLabels, Mapping[str, Any]]],
) -> Block:
    """Writes the rows of n items, and returns what blocks store of them."""
    rows = [store.records.item_row(*item) for item in items]
    store.execute_many("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", rows)
    fields = fields_of([(category, json.loads(text)) for _, _, category, _, text, _ in rows])
    return Block(np.array([row[0] for row in rows], np.int64), codes, fields)


def _blocks_with(store: IndexReader, ids: Sequence[int]) -> list[int]:
    """Returns the first ids of the blocks that contain these ids."""
    rows = store.execute("SELECT first_id FROM blocks ORDER BY first_id")
    firsts = np.array([first for (first,) in rows])
    blocks = np.unique(np.searchsorted(firsts, ids, side="right") - 1)
    return [int(first) for first in firsts[blocks]]


def _take_block(store: IndexReader, first: int) -> Block:
    """Removes a block from the file and returns it."""
    (row,) = store.execute("SELECT * FROM blocks WHERE first_id = ?", first)
    ids, codes = store.records.block(row)
    fields = store.block_fields(first)
    for name in fields:
        store.execute("DELETE FROM columns WHERE field = ? AND first_id = ?", name, first)
    for table in ("blocks", "fields"):
        store.execute(f"DELETE FROM {table} WHERE first_id = ?", first)
    return Block(ids, codes, fields)


def _write_blocks(store: IndexReader, items: Block) -> None:
    """Writes items in full blocks; the last one may be smaller."""
    records = store.records
    for start in range(0, len(items.ids), CODES_PER_BLOCK):
        block = items.take(np.arange(start, min(start + CODES_PER_BLOCK, len(items.ids))))
        first = int(block.ids[0])
        columns = [records.column_row(name, first, texts) for name, texts in block.fields.items()]
        names = records.fields_row(first, len(block.ids), block.fields)
        store.execute(
            "INSERT INTO blocks VALUES (?, ?, ?, ?)", *records.block_row(block.ids, block.codes)
        )
        store.execute("INSERT INTO fields VALUES (?, ?, ?, ?)", *names)
        store.execute_many("INSERT INTO columns VALUES (?, ?, ?, ?, ?)", columns)
