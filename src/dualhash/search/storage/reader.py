"""An open index file: what is read from it."""

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.results import Item
from dualhash.search.storage.payload_columns import CATEGORY, Fields, facts_of
from dualhash.search.storage.rows import (
    BLOCK_COLUMNS,
    CHANGE_COLUMNS,
    COLUMN_COLUMNS,
    FIELDS_COLUMNS,
    ITEM_COLUMNS,
    NOWHERE,
    STATE_COLUMNS,
    IndexState,
    RowCodec,
)
from dualhash.search.storage.transactions import Transactions

AT_ONCE = 1024
"""Items read at a time while all are gone through."""

ALL_FIELDS = f"SELECT {FIELDS_COLUMNS} FROM fields"


class IndexReader(Transactions):
    """The contents of an index file.

    Each method sees a consistent state; in a block of `reading` all of them see the same.

    Attributes:
        records: How its rows are written and read.
    """

    def __init__(self, path: Path) -> None:
        """Opens a file that exists.

        Raises:
            DualhashError: It is not an index, of another format, or damaged.
        """
        super().__init__(path)
        self.records = RowCodec(path, self.header.bits, self.header.attribute_head.names)
        try:
            self.state()
        except BaseException:
            self.close()
            raise

    def state(self) -> IndexState:
        """Tells whether something has changed since, and what.

        Raises:
            DualhashError: It is damaged.
        """
        with self.reading():
            rows = list(self.select(f"SELECT {STATE_COLUMNS} FROM state"))
        if len(rows) != 1:
            raise self.records.damaged("its number of items")
        return self.records.state(rows[0])

    def codes(self, after: int = -1) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        """Ids (n,) above `after`, ascending, and their packed codes (n, k/8), block by block."""
        for row in self.select(
            f"SELECT {BLOCK_COLUMNS} FROM blocks WHERE first_id >= coalesce("
            "(SELECT max(first_id) FROM blocks WHERE first_id <= ?), 0) ORDER BY first_id",
            after + 1,
        ):
            ids, codes = self.records.block(row)
            start = int(np.searchsorted(ids, after, side="right"))
            yield ids[start:], codes[start:]

    def items(self, ids: Iterable[int]) -> dict[int, Item]:
        """The items with these ids, by id; ids that do not exist are left out."""
        with self.reading():
            rows = self.select(
                f"SELECT {ITEM_COLUMNS} FROM items WHERE id IN (SELECT value FROM json_each(?))",
                json.dumps([int(item) for item in ids]),
            )
            return {row[0]: self.records.item(row) for row in rows}

    def items_between(self, start: int, stop: int) -> Iterator[Item]:
        """The items with ids from `start` to below `stop`, ascending; some at a time."""
        sql = f"SELECT {ITEM_COLUMNS} FROM items WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        while True:
            with self.reading():
                some = list(self.select(sql, start, stop, AT_ONCE))
            if not some:
                return
            for row in some:
                yield self.records.item(row)
            start = some[-1][0] + 1

    def item(self, item: int) -> tuple[NDArray[np.uint8], Item]:
        """The packed code (k/8,) of an id, and what is kept beside it.

        Raises:
            DualhashError: There is no such id.
        """
        with self.reading():
            kept = self.items([item])
            if item not in kept:
                raise DualhashError(f"{self.path} has no item with the id {item}.")
            ids, codes = next(self.codes(item - 1))
        return codes[np.searchsorted(ids, item)], kept[item]

    def find(self, images: Sequence[Path | str], start: int = 0) -> list[int | None]:
        """For each image the id, from `start` on, of its item; None where there is none.

        Where an image is named for the n-th time it is the n-th of its items.
        """
        names = [self.records.name(image) for image in images]
        rows = self.select(
            "SELECT image, id FROM items WHERE id >= ? AND image IN "
            "(SELECT value FROM json_each(?)) ORDER BY id",
            start,
            json.dumps(names),
        )
        here: defaultdict[str, deque[int]] = defaultdict(deque)
        with self.reading():
            for name, item in rows:
                here[name].append(item)
        return [here[name].popleft() if here[name] else None for name in names]

    def changed(self, edition: int) -> NDArray[np.int64] | None:
        """Ids (n,) of items changed or deleted after an edition; None where that is not known."""
        sql = f"SELECT {CHANGE_COLUMNS} FROM changes WHERE edition > ?"
        with self.reading():
            ids = [self.records.change(row) for row in self.select(sql, edition)]
            known = len(ids) == self.state().edition - edition
        return np.unique(np.concatenate([np.empty(0, np.int64), *ids])) if known else None

    def block_fields(self, first: int) -> Fields:
        """The columns of the block that begins with an id."""
        fields: Fields = {}
        with self.reading():
            for row in self.select(
                f"SELECT {FIELDS_COLUMNS} FROM fields WHERE first_id = ?", first
            ):
                count, names = self.records.fields(row)
                for name in names:
                    texts, which = self._column(name, first, count)
                    fields[name] = [texts[i] if i != NOWHERE else None for i in which.tolist()]
        return fields

    def columns(
        self, field: str, after: int = -1
    ) -> Iterator[tuple[list[str], NDArray[np.uint16]]]:
        """A field of all items with ids above `after`, ascending, block by block.

        Yields:
            Its different texts, and which of them each of the items has; `NOWHERE` for none.
        """
        for row in self.select(
            f"SELECT {FIELDS_COLUMNS} FROM fields WHERE first_id >= coalesce("
            "(SELECT max(first_id) FROM fields WHERE first_id <= ?), 0) ORDER BY first_id",
            after + 1,
        ):
            count, names = self.records.fields(row)
            if field in names:
                texts, which = self._column(field, row[0], count)
            else:
                texts, which = [], np.full(count, NOWHERE, np.uint16)
            yield texts, which

    def fields(self) -> list[str]:
        """What filters can ask for: the label, and every field of a payload."""
        names = (self.records.fields(row)[1] for row in self.select(ALL_FIELDS))
        return [CATEGORY, *sorted({name for some in names for name in some} - {CATEGORY})]

    def facts(self, start: int, stop: int) -> Iterator[tuple[int, str, str]]:
        """What filters compare: ids from `start` to below `stop`, a field of each, its value."""
        for item in self.items_between(start, stop):
            for field, text in facts_of(item.labels.category, item.payload).items():
                yield item.id, field, text

    def _column(self, field: str, first: int, count: int) -> tuple[list[str], NDArray[np.uint16]]:
        for row in self.select(
            f"SELECT {COLUMN_COLUMNS} FROM columns WHERE field = ? AND first_id = ?", field, first
        ):
            texts, which = self.records.column(row)
            if len(which) == count:
                return texts, which
        raise self.records.damaged(f"the field {field!r} of the block that begins with id {first}")
