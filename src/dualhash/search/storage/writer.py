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
from dualhash.search.storage.rows import UNFILED, Centres, IndexState

CODES_PER_BLOCK = 4096
"""The largest number of codes in a block."""

ItemContent = tuple[Path | str, ItemLabels, Mapping[str, Any]]
"""Image, labels and payload of an item."""


@dataclass(frozen=True, eq=False)
class Block:
    """n items without their rows.

    Attributes:
        ids: (n,) int64, ascending.
        codes: (n, k/8) uint8, packed.
        filed: (n, 2) uint16, the number of the centre of each code, and its distance.
        fields: Their columns.
    """

    ids: NDArray[np.int64]
    codes: NDArray[np.uint8]
    filed: NDArray[np.uint16]
    fields: Fields

    @classmethod
    def joined(cls, parts: Sequence["Block"]) -> "Block":
        """Joins blocks in this order."""
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.codes for part in parts]),
            np.concatenate([part.filed for part in parts]),
            joined((len(part.ids), part.fields) for part in parts),
        )

    def take(self, rows: NDArray[np.intp]) -> "Block":
        """Returns only these items."""
        fields = taken(self.fields, rows.tolist())
        return Block(self.ids[rows], self.codes[rows], self.filed[rows], fields)


def add(
    index: IndexReader, codes: NDArray[np.uint8], entries: Sequence[ItemContent]
) -> NDArray[np.int64]:
    """Adds n items and returns their ids (n,), ascending."""
    with index.connection.changing():
        start = _advance(index, count=len(codes), next_id=len(codes)).next_id
        block = _insert_items(index, range(start, start + len(codes)), codes, entries)
        ((last,),) = index.connection.execute("SELECT max(first_id) FROM blocks")
        before = [] if last is None else [_take_block(index, last)]
        _write_blocks(index, Block.joined([*before, block]))
    return block.ids


def delete(index: IndexReader, ids: Iterable[int]) -> None:
    """Deletes the items with these ids.

    Raises:
        DualhashError: An id does not exist; nothing is deleted.
    """
    deleted = sorted({whole_id(item) for item in ids})
    with index.connection.changing():
        _delete_items(index, deleted)
        for first in index.blocks_with(np.array(deleted)):
            block = _take_block(index, first)
            rest = block.take(np.flatnonzero(~np.isin(block.ids, deleted)))
            _write_blocks(index, rest)
        _record_change(index, deleted, count=-len(deleted))


def replace(
    index: IndexReader, ids: Sequence[int], codes: NDArray[np.uint8], entries: Sequence[ItemContent]
) -> None:
    """Replaces n items, whose ids are distinct.

    Raises:
        DualhashError: An id does not exist; nothing is replaced.
    """
    with index.connection.changing():
        _delete_items(index, ids)
        new = _insert_items(index, ids, codes, entries)
        for first in index.blocks_with(new.ids):
            block = _take_block(index, first)
            replaced = np.flatnonzero(np.isin(new.ids, block.ids))
            order = np.arange(len(block.ids))
            places = np.searchsorted(block.ids, new.ids[replaced])
            order[places] = len(order) + np.arange(len(replaced))
            both = Block.joined([block, new.take(replaced)])
            _write_blocks(index, both.take(order))
        _record_change(index, ids)


def fill_blocks(index: IndexReader) -> None:
    """Fills blocks up, and forgets what was changed."""
    with index.connection.changing():
        index.connection.execute("DELETE FROM changes")
        rest: list[Block] = []
        for (first,) in index.connection.execute(
            "SELECT first_id FROM blocks WHERE first_id >= "
            "(SELECT min(first_id) FROM blocks WHERE length(ids) < ?) ORDER BY first_id",
            8 * CODES_PER_BLOCK,
        ):
            block = Block.joined([*rest, _take_block(index, first)])
            rows = np.arange(len(block.ids))
            full = len(rows) // CODES_PER_BLOCK * CODES_PER_BLOCK
            _write_blocks(index, block.take(rows[:full]))
            rest = [block.take(rows[full:])]
        for block in rest:
            _write_blocks(index, block)


def write_filed(index: IndexReader, first: int, filed: NDArray[np.uint16]) -> None:
    """Writes the numbers of the centres, and the distances, of the codes of a block, (n, 2)."""
    row = index.records.filed_row(first, filed)
    index.connection.execute("INSERT OR REPLACE INTO clusters VALUES (?, ?, ?)", *row)


def write_centres(index: IndexReader, count: int, codes: NDArray[np.uint8], *, moved: bool) -> None:
    """Writes centres learned from `count` items, after all codes were filed under them.

    If the order of codes has changed, readers read all of them again, since the new edition has no
    list of changes.
    """
    if moved:
        _advance(index, edition=1)
    state = index.state
    index.connection.execute("DELETE FROM centres")
    row = index.records.centres_row(Centres(count, state.edition, state.next_id, codes))
    index.connection.execute("INSERT INTO centres VALUES (?, ?, ?, ?, ?)", *row)


def _advance(
    index: IndexReader, *, count: int = 0, edition: int = 0, next_id: int = 0
) -> IndexState:
    """Adds to the counters and returns what they were before."""
    before = index.state
    after = IndexState(before.count + count, before.edition + edition, before.next_id + next_id)
    row = index.records.state_row(after)
    index.connection.execute(
        "UPDATE state SET count = ?, edition = ?, next_id = ?, checksum = ?", *row
    )
    return before


def _record_change(index: IndexReader, ids: Sequence[int], *, count: int = 0) -> None:
    """Starts the next edition, in which these items have changed."""
    edition = _advance(index, count=count, edition=1).edition + 1
    row = index.records.change_row(edition, ids)
    index.connection.execute("INSERT INTO changes VALUES (?, ?, ?)", *row)


def _delete_items(index: IndexReader, ids: Sequence[int]) -> None:
    """Deletes the rows of items, which must exist."""
    values = json.dumps(ids)
    for (place,) in index.connection.execute(
        "SELECT key FROM json_each(?) WHERE value NOT IN (SELECT id FROM items) LIMIT 1", values
    ):
        raise DualhashError(f"{index.path} has no item with the id {ids[place]}.")
    index.connection.execute(
        "DELETE FROM items WHERE id IN (SELECT value FROM json_each(?))", values
    )


def _insert_items(
    index: IndexReader, ids: Sequence[int], codes: NDArray[np.uint8], entries: Sequence[ItemContent]
) -> Block:
    """Writes the rows of n items, and returns what blocks hold of them."""
    rows = [index.records.item_row(item, *entry) for item, entry in zip(ids, entries, strict=True)]
    index.connection.execute_many("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", rows)
    fields = fields_of([(category, json.loads(text)) for _, _, category, _, text, _ in rows])
    return Block(np.array(ids, np.int64), codes, np.full((len(ids), 2), UNFILED, np.uint16), fields)


def _take_block(index: IndexReader, first: int) -> Block:
    """Removes a block from the file and returns it."""
    (row,) = index.connection.execute("SELECT * FROM blocks WHERE first_id = ?", first)
    ids, codes = index.records.block(row)
    fields = index.block_fields(first)
    for name in fields:
        index.connection.execute(
            "DELETE FROM columns WHERE field = ? AND first_id = ?", name, first
        )
    filed = index.block_filed(first, len(ids))
    for table in ("blocks", "fields", *["clusters"] * index.has_clusters):
        index.connection.execute(f"DELETE FROM {table} WHERE first_id = ?", first)
    return Block(ids, codes, filed, fields)


def _write_blocks(index: IndexReader, items: Block) -> None:
    """Writes items in full blocks; the last one may be smaller."""
    records = index.records
    for start in range(0, len(items.ids), CODES_PER_BLOCK):
        block = items.take(np.arange(start, min(start + CODES_PER_BLOCK, len(items.ids))))
        first = int(block.ids[0])
        columns = [records.column_row(name, first, texts) for name, texts in block.fields.items()]
        names = records.fields_row(first, len(block.ids), block.fields)
        index.connection.execute(
            "INSERT INTO blocks VALUES (?, ?, ?, ?)", *records.block_row(block.ids, block.codes)
        )
        index.connection.execute("INSERT INTO fields VALUES (?, ?, ?, ?)", *names)
        index.connection.execute_many("INSERT INTO columns VALUES (?, ?, ?, ?, ?)", columns)
        if (block.filed != UNFILED).any():
            write_filed(index, first, block.filed)
