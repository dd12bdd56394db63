"""An open index file: reading codes and items, and adding to them."""

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.index_file import (
    check_index_file,
    connect,
    database_errors,
    portable,
    read_header,
)
from dualhash.search.results import Item, Labels

BLOCK = 4096
"""Codes in a block; the last may have fewer."""

UNKNOWN = -1
"""The stored value of an attribute that is neither present (1) nor absent (0)."""


class Store:
    """The contents of an index file. Each method is one transaction, and sees a consistent state.

    Attributes:
        path: The file.
        header: What it knows of all its codes.
    """

    def __init__(self, path: Path) -> None:
        """Opens a file that exists.

        Raises:
            DualhashError: It is not an index, of a newer format, or damaged.
        """
        check_index_file(path)
        self.path = path
        self._folder = path.absolute().parent
        with database_errors(path):
            self._connection = connect(path)
            try:
                self.header = read_header(self._connection, path)
            except BaseException:
                self.close()
                raise
        self._names = self.header.attribute_head.names

    def close(self) -> None:
        """Closes the file; closing twice does nothing."""
        self._connection.close()

    def version(self) -> int:
        """A number that changes when another connection has changed the file."""
        return int(self._select("PRAGMA data_version")[0][0])

    def count(self) -> int:
        """How many items there are."""
        return int(self._select("SELECT total(length(ids)) / 8 FROM blocks")[0][0])

    def codes(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Ids (N,), ascending, and packed codes (N, k/8) of all items."""
        blocks = self._select("SELECT ids, codes FROM blocks ORDER BY first_id")
        joined = (b"".join(column) for column in zip(*blocks, strict=True))
        return self._arrays(*joined) if blocks else self._arrays(b"", b"")

    def items(self, ids: Iterable[int]) -> dict[int, Item]:
        """The items with these ids, by id; ids that do not exist are left out."""
        rows = self._select(
            "SELECT id, image, category, attributes, payload FROM items "
            "WHERE id IN (SELECT value FROM json_each(?))",
            json.dumps([int(item) for item in ids]),
        )
        return {row[0]: self._item(*row) for row in rows}

    def item(self, item: int) -> tuple[NDArray[np.uint8], Item]:
        """The packed code (k/8,) of an id, and what is kept beside it.

        Raises:
            DualhashError: There is no such id.
        """
        kept = self.items([item])
        if item not in kept:
            raise DualhashError(f"{self.path} has no item with the id {item}.")
        (block,) = self._select(
            "SELECT ids, codes FROM blocks WHERE first_id <= ? ORDER BY first_id DESC LIMIT 1", item
        )
        ids, codes = self._arrays(*block)
        return codes[np.searchsorted(ids, item)], kept[item]

    def add(
        self,
        codes: NDArray[np.uint8],
        images: Sequence[Path | str],
        payloads: Sequence[Mapping[str, Any]],
        labels: Sequence[Labels],
    ) -> NDArray[np.int64]:
        """Adds n items, all or none, and returns their ids (n,), ascending."""
        n = len(codes)
        with self._transaction() as connection:
            ((start,),) = connection.execute("SELECT value FROM meta WHERE key = 'next_id'")
            connection.execute("UPDATE meta SET value = ? WHERE key = 'next_id'", (start + n,))
            ids = np.arange(start, start + n, dtype=np.int64)
            self._append(connection, ids, codes)
            rows = zip(ids.tolist(), images, payloads, labels, strict=True)
            connection.executemany(
                "INSERT INTO items (id, image, payload, category, attributes) "
                "VALUES (?, ?, ?, ?, ?)",
                (
                    (
                        item,
                        portable(Path(image), self._folder),
                        _to_json(payload),
                        label.category,
                        self._to_blob(label.attributes),
                    )
                    for item, image, payload, label in rows
                ),
            )
        return ids

    def _append(
        self, connection: sqlite3.Connection, ids: NDArray[np.int64], codes: NDArray[np.uint8]
    ) -> None:
        """Fills the last block up and appends further ones."""
        last = "SELECT ids, codes FROM blocks ORDER BY first_id DESC LIMIT 1"
        for block in connection.execute(last).fetchall():
            last_ids, last_codes = self._arrays(*block)
            ids, codes = np.concatenate([last_ids, ids]), np.concatenate([last_codes, codes])
        for start in range(0, len(ids), BLOCK):
            block_ids, block_codes = ids[start : start + BLOCK], codes[start : start + BLOCK]
            connection.execute(
                "INSERT OR REPLACE INTO blocks (first_id, ids, codes) VALUES (?, ?, ?)",
                (int(block_ids[0]), block_ids.astype("<i8").tobytes(), block_codes.tobytes()),
            )

    def _arrays(self, ids: bytes, codes: bytes) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        width = self.header.bits // 8
        if len(ids) % 8 or len(codes) != len(ids) // 8 * width:
            raise DualhashError(
                f"{self.path} is damaged: its ids and codes differ in number. Make it again with "
                "`dualhash index create --replace`."
            )
        return (
            np.frombuffer(ids, "<i8").astype(np.int64, copy=False),
            np.frombuffer(codes, np.uint8).reshape(-1, width),
        )

    def _item(
        self, item: int, image: str, category: str | None, attributes: bytes, payload: str
    ) -> Item:
        known = np.frombuffer(attributes, np.int8).tolist()
        values = {
            name: bool(value)
            for name, value in zip(self._names, known, strict=True)
            if value != UNKNOWN
        }
        return Item(item, str(self._folder / image), Labels(category, values), json.loads(payload))

    def _to_blob(self, attributes: Mapping[str, bool]) -> bytes:
        values = [int(attributes[n]) if n in attributes else UNKNOWN for n in self._names]
        return np.array(values, np.int8).tobytes()

    def _select(self, sql: str, *values: object) -> list[Any]:
        with database_errors(self.path):
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with database_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()


def _to_json(payload: Mapping[str, Any]) -> str:
    """JSON has no nan and no dates: they become null and text."""
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in payload.items()
    }
    return json.dumps(finite, ensure_ascii=False, default=str)
