"""Reads an open index file: counters, codes, items, payload columns and changes."""

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.results import CodedItem, Item
from dualhash.search.storage.connection import IndexConnection
from dualhash.search.storage.header import FORMAT
from dualhash.search.storage.payload_columns import CATEGORY, Fields
from dualhash.search.storage.rows import NOWHERE, UNFILED, Centres, IndexState, Row, RowCodec
from dualhash.search.storage.sqlite import ItemNotFoundError

LAST_ID = 2**63 - 2
"""The largest id that an item can have."""

AT_ONCE = 1024
"""Number of items that `items` reads at a time."""

FROM_BLOCK = "first_id >= coalesce((SELECT max(first_id) FROM {0} WHERE first_id <= ?), 0)"
"""Selects the blocks from the one that contains an id."""


def whole_id(item: object) -> int:
    """Returns an id as an int.

    Raises:
        DualhashError: It is not a whole number.
    """
    if isinstance(item, bool) or not isinstance(item, int | np.integer):
        raise DualhashError(f"An id is a whole number, not {item!r}.")
    return int(item)


class IndexReader:
    """The contents of an index file.

    Each method sees a consistent state; in a block of `reading` all of them see the same state.

    Threads take turns: while one is in a block of `reading`, others wait.

    Attributes:
        path: The file.
        header: The properties that all its codes share.
        connection: The connection to the file.
        records: Decodes the rows.
    """

    def __init__(self, path: Path) -> None:
        """Opens an existing file.

        Raises:
            DualhashError: It is not an index, has another format, or is damaged.
        """
        self.path = path
        self.connection = IndexConnection(path)
        self.header = self.connection.header
        header = self.header
        names = header.attribute_head.names
        self.records = RowCodec(path, header.bits, header.compared_bits, names)
        try:
            len(self)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reading(self) -> AbstractContextManager[None]:
        """Shows one state of the file: changes by others during the block are not seen in it."""
        return self.connection.reading()

    @property
    def state(self) -> IndexState:
        """The counters; they differ if anything has changed.

        Raises:
            DualhashError: They are damaged.
        """
        with self.reading():
            rows = list(self.connection.select("SELECT * FROM state"))
        if len(rows) != 1:
            raise self.records.damaged("its number of items")
        return self.records.state(rows[0])

    def codes(self, after: int = -1) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        """Yields ids (n,) above `after`, ascending, and their packed codes (n, k/8), by block."""
        sql = f"SELECT * FROM blocks WHERE {FROM_BLOCK.format('blocks')} ORDER BY first_id"
        for row in self.connection.select(sql, after + 1):
            ids, codes = self.records.block(row)
            start = int(np.searchsorted(ids, after, side="right"))
            yield ids[start:], codes[start:]

    @property
    def has_clusters(self) -> bool:
        """Whether the file has the tables for clusters; older formats do not."""
        return self.connection.execute("PRAGMA user_version") == [(FORMAT,)]

    def centres(self) -> Centres:
        """Returns the centres under which codes are filed; none in older formats."""
        rows: Iterable[Any] = ()
        if self.has_clusters:
            rows = self.connection.select("SELECT * FROM centres")
        for row in rows:
            return self.records.centres(row)
        return Centres(0, 0, 0, np.empty((0, self.header.compared_bits // 8), np.uint8))

    def filed(self) -> NDArray[np.uint16]:
        """Returns the centre's number and the distance of all codes, (N, 2), in the order of ids.

        They are `UNFILED` for codes that are in no cluster.
        """
        with self.reading():
            rows = self.connection.execute("SELECT * FROM clusters") if self.has_clusters else []
            stored = {row[0]: row for row in rows}
            parts = [
                self._filed(stored.get(first), first, count)
                for first, count in self.connection.execute(
                    "SELECT first_id, length(ids) / 8 FROM blocks ORDER BY first_id"
                )
            ]
        return np.concatenate([np.empty((0, 2), np.uint16), *parts])

    def block_filed(self, first: int, count: int) -> NDArray[np.uint16]:
        """Returns those of the block of `count` items that begins with an id, (n, 2)."""
        sql, rows = "SELECT * FROM clusters WHERE first_id = ?", []
        if self.has_clusters:
            rows = self.connection.execute(sql, first)
        return self._filed(rows[0] if rows else None, first, count)

    def _filed(self, row: Row | None, first: int, count: int) -> NDArray[np.uint16]:
        if row is None:
            return np.full((count, 2), UNFILED, np.uint16)
        filed = self.records.filed(row)
        if len(filed) != count:
            raise self.records.damaged(f"the clusters of the block that begins with id {first}")
        return filed

    def codes_of(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Returns those ids (n,) that exist and their packed codes (n, k/8).

        Each block is read once. `ids` must be ascending.
        """
        found = [np.empty(0, np.int64)]
        codes = [np.empty((0, self.header.bits // 8), np.uint8)]
        with self.reading():
            for row in self.connection.select(
                "SELECT * FROM blocks WHERE first_id IN (SELECT value FROM json_each(?)) "
                "ORDER BY first_id",
                json.dumps(self.blocks_with(ids)),
            ):
                block_ids, block_codes = self.records.block(row)
                start, stop = np.searchsorted(ids, [block_ids[0], block_ids[-1] + 1])
                wanted = np.isin(block_ids, ids[start:stop], assume_unique=True)
                found.append(block_ids[wanted])
                codes.append(block_codes[wanted])
        return np.concatenate(found), np.concatenate(codes)

    def blocks_with(self, ids: NDArray[np.int64]) -> list[int]:
        """Returns the first id of each block that contains ids, ascending."""
        rows = self.connection.execute("SELECT first_id FROM blocks ORDER BY first_id")
        firsts = np.array([first for (first,) in rows], np.int64)
        blocks = np.unique(np.searchsorted(firsts, ids, side="right")) - 1
        found: list[int] = firsts[blocks[blocks >= 0]].tolist()
        return found

    def block_count(self) -> int:
        """Returns the number of blocks of codes."""
        ((count,),) = self.connection.execute("SELECT count(*) FROM blocks")
        return int(count)

    def get(self, item: int) -> CodedItem:
        """Returns the item with an id, with its code.

        Raises:
            ItemNotFoundError: No item has this id.
        """
        with self.reading():
            stored = self.item(item)
            ids, codes = next(self.codes(stored.id - 1))
        if stored.id not in ids[:1]:
            raise self.records.damaged(f"item {item}")
        return CodedItem(**vars(stored), code=codes[0])

    def item(self, item: int) -> Item:
        """Returns the item with an id.

        Raises:
            ItemNotFoundError: No item has this id.
        """
        for stored in self.items_of([item]).values():
            return stored
        raise ItemNotFoundError(f"{self.path} has no item with the id {item}.")

    def items_of(self, ids: Iterable[int]) -> dict[int, Item]:
        """Returns the items with these ids, by id; ids that do not exist are left out."""
        with self.reading():
            rows = self.connection.select(
                "SELECT * FROM items WHERE id IN (SELECT value FROM json_each(?))",
                json.dumps([whole_id(item) for item in ids]),
            )
            return {row[0]: self.records.item(row) for row in rows}

    def items(self, start: int = 0, stop: int | None = None) -> Iterator[Item]:
        """Yields the items with start <= id < stop, ascending; to the last by default."""
        sql = "SELECT * FROM items WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        stop = LAST_ID + 1 if stop is None else stop
        while True:
            with self.reading():
                rows = list(self.connection.select(sql, int(start), int(stop), AT_ONCE))
            if not rows:
                return
            yield from map(self.records.item, rows)
            start = rows[-1][0] + 1

    def __iter__(self) -> Iterator[Item]:
        return self.items()

    def __len__(self) -> int:
        return self.state.count

    def __contains__(self, item: object) -> bool:
        """Whether an item has this id."""
        if isinstance(item, bool) or not isinstance(item, int | np.integer):
            return False
        sql = "SELECT 1 FROM items WHERE id = ?"
        return 0 <= int(item) <= LAST_ID and bool(self.connection.execute(sql, int(item)))

    def find(self, images: Sequence[Path | str], start: int = 0) -> list[int | None]:
        """Returns the id (>= `start`) of the item of each image; None if there is none.

        The n-th occurrence of an image in `images` is matched to its n-th item.
        """
        names = [self.records.name(image) for image in images]
        rows = self.connection.select(
            "SELECT image, id FROM items WHERE id >= ? AND image IN "
            "(SELECT value FROM json_each(?)) ORDER BY id",
            start,
            json.dumps(names),
        )
        ids: defaultdict[str, deque[int]] = defaultdict(deque)
        with self.reading():
            for name, item in rows:
                ids[name].append(item)
        return [ids[name].popleft() if ids[name] else None for name in names]

    def changed(self, edition: int) -> NDArray[np.int64] | None:
        """Returns the ids (n,) changed or deleted after an edition; None if that is not known."""
        with self.reading():
            rows = self.connection.select("SELECT * FROM changes WHERE edition > ?", edition)
            ids = [self.records.change(row) for row in rows]
            known = len(ids) == self.state.edition - edition
        return np.unique(np.concatenate([np.empty(0, np.int64), *ids])) if known else None

    def block_fields(self, first: int) -> Fields:
        """Returns the columns of the block that begins with an id."""
        fields: Fields = {}
        with self.reading():
            for row in self.connection.select("SELECT * FROM fields WHERE first_id = ?", first):
                count, names = self.records.fields(row)
                for name in names:
                    texts, which = self._column(name, first, count)
                    fields[name] = [texts[i] if i != NOWHERE else None for i in which.tolist()]
        return fields

    def columns(
        self, field: str, after: int = -1
    ) -> Iterator[tuple[list[str], NDArray[np.uint16]]]:
        """Reads one field of all items with ids above `after`, ascending, by block.

        Yields:
            The distinct texts of a block, and for each item the index of its text; `NOWHERE` if it
            does not have the field.
        """
        sql = f"SELECT * FROM fields WHERE {FROM_BLOCK.format('fields')} ORDER BY first_id"
        for row in self.connection.select(sql, after + 1):
            count, names = self.records.fields(row)
            if field in names:
                yield self._column(field, row[0], count)
            else:
                yield [], np.full(count, NOWHERE, np.uint16)

    def fields(self) -> list[str]:
        """Returns the names that filters may use: the category, and every payload field."""
        names = {
            name
            for row in self.connection.select("SELECT * FROM fields")
            for name in self.records.fields(row)[1]
        }
        return [CATEGORY, *sorted(names - {CATEGORY})]

    def _column(self, field: str, first: int, count: int) -> tuple[list[str], NDArray[np.uint16]]:
        for row in self.connection.select(
            "SELECT * FROM columns WHERE field = ? AND first_id = ?", field, first
        ):
            texts, which = self.records.column(row)
            if len(which) == count:
                return texts, which
        raise self.records.damaged(f"the field {field!r} of the block that begins with id {first}")
