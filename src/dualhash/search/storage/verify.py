"""How much an index file holds, and whether it is sound."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from dualhash.errors import DualhashError
from dualhash.search.storage.payload_columns import fields_of
from dualhash.search.storage.reader import IndexReader
from dualhash.search.storage.rows import BLOCK_COLUMNS, CHANGE_COLUMNS, ITEM_COLUMNS

T = TypeVar("T")


@dataclass(frozen=True)
class Stats:
    """What is in an index file.

    Attributes:
        items: How many there are.
        deleted: How many were deleted since the last compaction.
        labelled: How many have a category label.
        categories: C, of the model.
        attributes: p, of the model.
        bits: k.
        views: Views of each image that made its code.
        code_bytes: Of the codes alone.
        file_bytes: Of the whole file.
        free_bytes: Of these, what `compact` gives back.
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


def measure(store: IndexReader) -> Stats:
    """Counts what is in the file."""
    header = store.header
    with store.reading():
        state = store.state()
        rows = store.select(f"SELECT {CHANGE_COLUMNS} FROM changes")
        changed = {item for row in rows for item in store.records.change(row).tolist()}
        ((still,),) = store.select(
            "SELECT count(*) FROM items WHERE id IN (SELECT value FROM json_each(?))",
            json.dumps(list(changed)),
        )
        ((labelled,),) = store.select("SELECT count(category) FROM items")
        ((page,),) = store.select("PRAGMA page_size")
        ((pages,),) = store.select("PRAGMA page_count")
        ((free,),) = store.select("PRAGMA freelist_count")
    return Stats(
        items=state.count,
        deleted=len(changed) - still,
        labelled=labelled,
        categories=len(header.category_head.names),
        attributes=len(header.attribute_head.names),
        bits=header.bits,
        views=header.views,
        code_bytes=state.count * header.bits // 8,
        file_bytes=pages * page,
        free_bytes=free * page,
    )


def damages(store: IndexReader) -> tuple[str, ...]:
    """A sentence for everything in the file that is not as it was written."""
    records = store.records
    try:
        with store.reading():
            state = store.state()
            found = [
                f"{store.path} is damaged: {said}"
                for (said,) in store.select("PRAGMA integrity_check")
                if said != "ok"
            ]
            blocks = store.select(f"SELECT {BLOCK_COLUMNS} FROM blocks ORDER BY first_id")
            coded, broken = _read(lambda row: records.block(row)[0], blocks)
            items = store.select(f"SELECT {ITEM_COLUMNS} FROM items ORDER BY id")
            described, lost = _read(lambda row: records.item(row).id, items)
            fields = store.select("SELECT first_id FROM fields ORDER BY first_id")
            columns, torn = _read(lambda row: store.block_fields(row[0]), fields)
            changes = store.select(f"SELECT {CHANGE_COLUMNS} FROM changes")
            _, untold = _read(records.change, changes)
            strays = [stray for ids in coded for stray in _strays(store, ids.tolist())]
    except DualhashError as error:
        return (str(error),)
    ids = np.concatenate([np.empty(0, np.int64), *coded])
    if not broken and len(ids) != state.count:
        found.append(f"{store.path} is damaged: of {state.count:,} codes {len(ids):,} are there.")
    if not broken and not lost and not np.array_equal(ids, described):
        found.append(f"{store.path} is damaged: its codes and its items have different ids.")
    if len(ids) and ids[-1] >= state.next_id:
        found.append(f"{store.path} is damaged: it would give ids again that are taken.")
    if not broken and not torn and len(columns) != len(coded):
        found.append(f"{store.path} is damaged: its codes and its fields are in other blocks.")
    return (*found, *broken, *lost, *torn, *strays, *untold)


def _strays(store: IndexReader, ids: list[int]) -> list[str]:
    """Complaints about fields of a block that are not those of its items, if both can be read."""
    try:
        items, columns = store.items(ids), store.block_fields(ids[0])
        labelled = [(items[item].labels.category, items[item].payload) for item in ids]
    except (DualhashError, KeyError):
        return []
    expected = fields_of(labelled)
    return [
        f"{store.path} is damaged: the field {field!r} of the block that begins with id {ids[0]} "
        "is not what its items say."
        for field in sorted(expected.keys() | columns.keys())
        if expected.get(field) != columns.get(field)
    ]


def _read(read: Callable[[Sequence[Any]], T], rows: Iterable[Any]) -> tuple[list[T], list[str]]:
    """What is read from sound rows, and complaints about the others."""
    sound, complaints = [], []
    for row in rows:
        try:
            sound.append(read(row))
        except DualhashError as error:
            complaints.append(str(error))
    return sound, complaints
