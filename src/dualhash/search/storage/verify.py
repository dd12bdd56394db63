"""Counts what an index file contains, and checks all of it for damage."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.storage.payload_columns import fields_of
from dualhash.search.storage.reader import IndexReader

T = TypeVar("T")


@dataclass(frozen=True)
class Stats:
    """The size of an index file.

    Attributes:
        items: Number of items.
        deleted: Number of items deleted since the last compaction.
        labelled: Number of items with a category label.
        categories: C, of the model.
        attributes: p, of the model.
        bits: k.
        views: Views of each image that were averaged for its code.
        code_bytes: Size of the codes alone.
        file_bytes: Size of the file.
        free_bytes: The part of `file_bytes` that `compact` returns to the disk.
    """

    items: int
    deleted: int
    labelled: int
    categories: int
    attributes: int
    bits: int
    views: int
    code_bytes: int
    file_bytes: int
    free_bytes: int


def measure(index: IndexReader) -> Stats:
    """Counts what is in the file."""

    def number(sql: str, *values: object) -> int:
        return int(index.connection.execute(sql, *values)[0][0])

    header = index.header
    with index.reading():
        count = index.state.count
        rows = index.connection.execute("SELECT * FROM changes")
        changed = {item for row in rows for item in index.records.change(row).tolist()}
        with_ids = "SELECT count(*) FROM items WHERE id IN (SELECT value FROM json_each(?))"
        page = number("PRAGMA page_size")
        return Stats(
            items=count,
            deleted=len(changed) - number(with_ids, json.dumps(list(changed))),
            labelled=number("SELECT count(category) FROM items"),
            categories=len(header.category_head.names),
            attributes=len(header.attribute_head.names),
            bits=header.bits,
            views=header.views,
            code_bytes=count * header.bits // 8,
            file_bytes=number("PRAGMA page_count") * page,
            free_bytes=number("PRAGMA freelist_count") * page,
        )


def damages(index: IndexReader) -> tuple[str, ...]:
    """Reads all of the file and returns a sentence for each damage."""
    records = index.records
    try:
        with index.reading():
            state = index.state
            messages = index.connection.select("PRAGMA integrity_check")
            wrong = [message for (message,) in messages if message != "ok"]
            blocks = index.connection.select("SELECT * FROM blocks ORDER BY first_id")
            block_ids, bad_blocks = _read(lambda row: records.block(row)[0], blocks)
            items = index.connection.select("SELECT * FROM items ORDER BY id")
            item_ids, bad_items = _read(lambda row: records.item(row).id, items)
            fields = index.connection.select("SELECT first_id FROM fields ORDER BY first_id")
            columns, bad_columns = _read(lambda row: index.block_fields(row[0]), fields)
            changes = index.connection.select("SELECT * FROM changes")
            _, bad_changes = _read(records.change, changes)
            centres, sql = index.centres().codes, "SELECT first_id FROM clusters ORDER BY first_id"
            filed = index.connection.select(sql) if index.has_clusters else ()
            _, bad_clusters = _read(lambda row: _check_filed(index, centres, row[0]), filed)
            differing = [
                f"the field {field!r} of the block that begins with id {ids[0]} differs from its "
                "items."
                for ids in block_ids
                for field in _differing_fields(index, ids.tolist())
            ]
    except DualhashError as error:
        return (str(error),)
    ids = np.concatenate([np.empty(0, np.int64), *block_ids])
    if not bad_blocks and len(ids) != state.count:
        wrong.append(f"it has {len(ids):,} of {state.count:,} codes.")
    if not bad_blocks and not bad_items and not np.array_equal(ids, item_ids):
        wrong.append("its codes and its items have different ids.")
    if len(ids) and ids[-1] >= state.next_id:
        wrong.append("its next id is already in use.")
    if not bad_blocks and not bad_columns and len(columns) != len(block_ids):
        wrong.append("its codes and its fields have different blocks.")
    return (
        *(f"{index.path} is damaged: {sentence}" for sentence in (*wrong, *differing)),
        *bad_blocks,
        *bad_items,
        *bad_columns,
        *(error for error in bad_clusters if error not in bad_blocks),
        *bad_changes,
    )


def _differing_fields(index: IndexReader, ids: list[int]) -> list[str]:
    """Returns the fields of a block that differ from its items, if both can be read."""
    try:
        items, columns = index.items_of(ids), index.block_fields(ids[0])
        expected = fields_of([(items[i].labels.category, items[i].payload) for i in ids])
    except (DualhashError, KeyError):
        return []
    names = sorted(expected.keys() | columns.keys())
    return [name for name in names if expected.get(name) != columns.get(name)]


def _check_filed(index: IndexReader, centres: NDArray[np.uint8], first: int) -> None:
    """Compares the codes of a block with the centres under which they are filed.

    Raises:
        DualhashError: Their distances are others, or the block is damaged.
    """
    ids, codes = next(index.codes(first - 1))
    filed = index.block_filed(first, len(ids))
    which, distances = filed[filed[:, 0] < len(centres)].T
    codes = codes[filed[:, 0] < len(centres), : centres.shape[1]]
    if not np.array_equal(np.bitwise_count(codes ^ centres[which]).sum(axis=1), distances):
        raise index.records.damaged(f"the clusters of the block that begins with id {first}")


def _read(read: Callable[[Any], T], rows: Iterable[Any]) -> tuple[list[T], list[str]]:
    """Returns what is read from the rows, and the errors of damaged rows."""
    values, errors = [], []
    for row in rows:
        try:
            values.append(read(row))
        except DualhashError as error:
            errors.append(str(error))
    return values, errors
