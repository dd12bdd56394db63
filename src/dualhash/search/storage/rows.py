"""The rows of an index file's tables: how codes, items and changes are encoded and checked."""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.results import Item, ItemLabels
from dualhash.search.storage.payload_columns import Column, Fields, json_value
from dualhash.search.storage.sqlite import damaged

NOWHERE = 0xFFFF
"""Stored in place of the index of a text if an item does not have the field."""

UNFILED = 0xFFFF
"""Stored in place of the number of its centre, and of the distance, of a code in no cluster."""

MISSING = -1
"""The stored value of a missing attribute; 1 is present, 0 absent."""

Value = int | str | bytes | None
Row = tuple[Any, ...]
"""The values of one row of a table, in the order of its columns; the last is the checksum."""


def checksum(*values: Value) -> int:
    """Returns the CRC-32 of values, one after the other.

    Each value adds a letter for its type (n for null, i integer, t text, b blob), its content
    (nothing, decimal digits, UTF-8, bytes) and a zero byte.
    """
    parts: list[bytes] = []
    for value in values:
        if isinstance(value, bytes):
            parts += b"b", value, b"\0"
        elif value is None:
            parts.append(b"n\0")
        elif isinstance(value, str):
            parts += b"t", value.encode(), b"\0"
        else:
            parts.append(b"i%d\0" % value)
    return zlib.crc32(b"".join(parts))


def portable(path: Path | str, folder: Path) -> str:
    """Returns `path` as a file in `folder` (absolute) stores it.

    A path inside the folder is stored relative to it, so that both can be moved together; any other
    path is stored in full. Empty text, which stands for no file, stays empty.
    """
    if path == "":
        return ""
    # As text, which is many times faster than `Path`; symbolic links are not resolved.
    full, inside = os.path.abspath(path), os.path.join(folder, "")  # noqa: PTH100, PTH118
    return full.removeprefix(inside).replace(os.sep, "/") if full.startswith(inside) else full


@dataclass(frozen=True)
class IndexState:
    """The counters of an index file.

    Attributes:
        count: Number of items.
        edition: Grows with every change or deletion of an item.
        next_id: Id of the next item; grows with every addition.
    """

    count: int
    edition: int
    next_id: int


@dataclass(frozen=True, eq=False)
class Centres:
    """The centres of clusters, and the state of the file when codes were filed under them.

    Attributes:
        count: The number of items from whose codes the centres were learned; 0 if there were none.
        edition: That of the file.
        next_id: Items from this id on were added later.
        codes: (C, ranking bits/8) uint8, packed; C is 0 if clusters make searches no faster.
    """

    count: int
    edition: int
    next_id: int
    codes: NDArray[np.uint8]


@dataclass(frozen=True)
class RowCodec:
    """Encodes and decodes the rows of one index file. Decoding raises an error on damage.

    Attributes:
        path: The file.
        bits: Length k of its codes.
        ranking_bits: The number of leading bits that Hamming distances compare.
        attributes: Names of the p attributes that are stored for each item.
    """

    path: Path
    bits: int
    ranking_bits: int
    attributes: tuple[str, ...]

    def state_row(self, state: IndexState) -> Row:
        """Encodes the counters."""
        return _with_checksum(state.count, state.edition, state.next_id)

    def state(self, row: Row) -> IndexState:
        """Decodes the counters."""
        return IndexState(*self._checked(row, "its number of items"))

    def block_row(self, ids: NDArray[np.int64], codes: NDArray[np.uint8]) -> Row:
        """Encodes n ids, at least one and ascending, and packed codes (n, k/8)."""
        return _with_checksum(int(ids[0]), ids.astype("<i8").tobytes(), codes.tobytes())

    def block(self, row: Row) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Decodes ids (n,) and packed codes (n, k/8)."""
        _, ids, codes = self._checked(row, "the block of codes that begins with id {0}")
        return (
            np.frombuffer(ids, "<i8").astype(np.int64, copy=False),
            np.frombuffer(codes, np.uint8).reshape(-1, self.bits // 8),
        )

    def filed_row(self, first: int, filed: NDArray[np.uint16]) -> Row:
        """Encodes the centre's number and the distance of each code of a block, (n, 2)."""
        return _with_checksum(first, filed.astype("<u2").tobytes())

    def filed(self, row: Row) -> NDArray[np.uint16]:
        """Decodes the centre's number and the distance of each code of a block, (n, 2)."""
        _, filed = self._checked(row, "the clusters of the block that begins with id {0}")
        return np.frombuffer(filed, "<u2").reshape(-1, 2)

    def centres_row(self, centres: Centres) -> Row:
        """Encodes the centres."""
        return _with_checksum(
            centres.count, centres.edition, centres.next_id, centres.codes.tobytes()
        )

    def centres(self, row: Row) -> Centres:
        """Decodes the centres."""
        count, edition, next_id, octets = self._checked(row, "its centres")
        codes = np.frombuffer(octets, np.uint8).reshape(-1, self.ranking_bits // 8)
        return Centres(count, edition, next_id, codes)

    def fields_row(self, first: int, count: int, fields: Fields) -> Row:
        """Encodes the number of items of a block, and the names of their fields."""
        return _with_checksum(first, count, json.dumps(sorted(fields), ensure_ascii=False))

    def fields(self, row: Row) -> tuple[int, list[str]]:
        """Decodes the number of items of a block, and the names of their fields."""
        _, count, names = self._checked(row, "the fields of the block that begins with id {0}")
        return count, json.loads(names)

    def column_row(self, field: str, first: int, column: Column) -> Row:
        """Encodes one field of a block: its distinct texts, and the index of each item's text."""
        texts = sorted({text for text in column if text is not None})
        index: dict[str | None, int] = {text: i for i, text in enumerate(texts)}
        which = np.array([index.get(text, NOWHERE) for text in column], "<u2")
        return _with_checksum(field, first, json.dumps(texts, ensure_ascii=False), which.tobytes())

    def column(self, row: Row) -> tuple[list[str], NDArray[np.uint16]]:
        """Decodes one field of a block: its distinct texts, and the index of each item's text."""
        _, _, texts, which = self._checked(
            row, "the field {0!r} of the block that begins with id {1}"
        )
        return json.loads(texts), np.frombuffer(which, "<u2")

    def change_row(self, edition: int, ids: Sequence[int]) -> Row:
        """Encodes the ids that were changed or deleted in an edition."""
        return _with_checksum(edition, np.array(ids, "<i8").tobytes())

    def change(self, row: Row) -> NDArray[np.int64]:
        """Decodes the ids that were changed or deleted in an edition."""
        _, ids = self._checked(row, "the list of changes of edition {0}")
        return np.frombuffer(ids, "<i8").astype(np.int64, copy=False)

    def item_row(
        self, item: int, image: Path | str, labels: ItemLabels, payload: Mapping[str, Any]
    ) -> Row:
        """Encodes image, labels and payload of an item.

        Raises:
            DualhashError: A value of the payload has no form in JSON, or a text none in UTF-8.
        """
        states = [labels.attributes.get(name, MISSING) for name in self.attributes]
        name = self.name(image)
        subject = repr(name) if name else f"Item {item}"
        fields: dict[str, Any] = {}
        for field, value in payload.items():
            try:
                fields |= json_value({field: value})
            except TypeError as error:
                raise DualhashError(
                    f"{subject} cannot be stored: its field {field!r} holds {error}. Convert it to "
                    "text, a finite number, a date, None, or a list or mapping of these."
                ) from error
        try:
            return _with_checksum(
                item,
                name,
                labels.category,
                np.array(states, np.int8).tobytes(),
                json.dumps(fields, ensure_ascii=False),
            )
        except UnicodeEncodeError as error:
            wrong = error.object[error.start : error.end]
            raise DualhashError(
                f"{subject} cannot be stored: {wrong!r} in its path, payload or category cannot be "
                "written as UTF-8."
            ) from error

    def item(self, row: Row) -> Item:
        """Decodes an item."""
        item, image, category, states, payload = self._checked(row, "item {0}")
        attributes = zip(self.attributes, np.frombuffer(states, np.int8).tolist(), strict=True)
        known = {name: bool(state) for name, state in attributes if state != MISSING}
        path = os.path.join(self._folder, image) if image else ""  # noqa: PTH118 - as `portable`
        labels = ItemLabels(category, known)
        return Item(item, path, labels, json.loads(payload))

    def name(self, image: Path | str) -> str:
        """Returns the path of an image as it is stored; empty if there is none."""
        return "" if image == "" else portable(image, self._folder)

    @cached_property
    def _folder(self) -> Path:
        return self.path.absolute().parent

    def damaged(self, part: str) -> DualhashError:
        """Returns the error for a part of the file that fails its check."""
        return damaged(self.path, part)

    def _checked(self, row: Row, part: str) -> tuple[Any, ...]:
        """Returns the values of a row without its checksum; `part` may refer to them, as {0}."""
        *values, expected = row
        if checksum(*values) != expected:
            raise self.damaged(part.format(*values))
        return tuple(values)


def _with_checksum(*values: Value) -> Row:
    return *values, checksum(*values)
