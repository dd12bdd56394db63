"""How codes and items are written down: the rows of an index file's tables."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.results import Item, ItemLabels
from dualhash.search.storage.checksum import checksum
from dualhash.search.storage.paths import portable
from dualhash.search.storage.payload_columns import Column, Fields
from dualhash.search.storage.sqlite import damaged

NOWHERE = 0xFFFF
"""The stored place of the text of a field that an item does not have."""

UNKNOWN = -1
"""The stored value of an attribute that is neither present (1) nor absent (0)."""

STATE_COLUMNS = "count, edition, next_id, checksum"
BLOCK_COLUMNS = "first_id, ids, codes, checksum"
ITEM_COLUMNS = "id, image, category, attributes, payload, checksum"
FIELDS_COLUMNS = "first_id, count, names, checksum"
COLUMN_COLUMNS = "field, first_id, texts, which, checksum"
CHANGE_COLUMNS = "edition, ids, checksum"

StateRow = tuple[int, int, int, int]
BlockRow = tuple[int, bytes, bytes, int]
FieldsRow = tuple[int, int, str, int]
ColumnRow = tuple[str, int, str, bytes, int]
ChangeRow = tuple[int, bytes, int]
ItemRow = tuple[int, str, str | None, bytes, str, int]


@dataclass(frozen=True)
class IndexState:
    """What an index file holds, as three numbers.

    Attributes:
        count: How many items there are.
        edition: Grows whenever something that was there is changed or deleted.
        next_id: The id of the next item; grows whenever something is added.
    """

    count: int
    edition: int
    next_id: int


@dataclass(frozen=True)
class RowCodec:
    """The rows of one index file, written and read.

    Attributes:
        path: The file.
        bits: Length k of its codes.
        attributes: Names of the p attributes that are kept of an item.
    """

    path: Path
    bits: int
    attributes: tuple[str, ...]

    def state_row(self, state: IndexState) -> StateRow:
        """The row of what the file holds."""
        values = state.count, state.edition, state.next_id
        return *values, checksum(*values)

    def state(self, row: Sequence[Any]) -> IndexState:
        """What the file holds.

        Raises:
            DualhashError: It is damaged.
        """
        *values, expected = row
        if checksum(*values) != expected:
            raise self.damaged("its number of items")
        return IndexState(*values)

    def block_row(self, ids: NDArray[np.int64], codes: NDArray[np.uint8]) -> BlockRow:
        """The row of at least one id, ascending, and packed codes (n, k/8)."""
        values = int(ids[0]), ids.astype("<i8").tobytes(), codes.tobytes()
        return *values, checksum(*values)

    def block(self, row: Sequence[Any]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Ids (n,) and packed codes (n, k/8) of a row.

        Raises:
            DualhashError: It is damaged.
        """
        *values, expected = row
        first, ids, codes = values
        if checksum(*values) != expected:
            raise self.damaged(f"the block of codes that begins with id {first}")
        return (
            np.frombuffer(ids, "<i8").astype(np.int64, copy=False),
            np.frombuffer(codes, np.uint8).reshape(-1, self.bits // 8),
        )

    def fields_row(self, first: int, count: int, fields: Fields) -> FieldsRow:
        """The row that says which columns there are of a block of so many items."""
        values = first, count, json.dumps(sorted(fields), ensure_ascii=False)
        return *values, checksum(*values)

    def fields(self, row: Sequence[Any]) -> tuple[int, list[str]]:
        """How many items a block has, and which fields.

        Raises:
            DualhashError: It is damaged.
        """
        *values, expected = row
        first, count, names = values
        if checksum(*values) != expected:
            raise self.damaged(f"the fields of the block that begins with id {first}")
        return count, json.loads(names)

    def column_row(self, field: str, first: int, column: Column) -> ColumnRow:
        """The row of one field of a block: its different texts, and which of them each item has."""
        texts = sorted({text for text in column if text is not None})
        place: dict[str | None, int] = {text: i for i, text in enumerate(texts)}
        which = np.array([place.get(text, NOWHERE) for text in column], "<u2")
        values = field, first, json.dumps(texts, ensure_ascii=False), which.tobytes()
        return *values, checksum(*values)

    def column(self, row: Sequence[Any]) -> tuple[list[str], NDArray[np.uint16]]:
        """The different texts of a field of a block, and which of them each item has.

        Raises:
            DualhashError: It is damaged.
        """
        *values, expected = row
        field, first, texts, which = values
        if checksum(*values) != expected:
            raise self.damaged(f"the field {field!r} of the block that begins with id {first}")
        return json.loads(texts), np.frombuffer(which, "<u2")

    def change_row(self, edition: int, ids: Sequence[int]) -> ChangeRow:
        """The row that says what was changed or deleted when an edition was made."""
        values = edition, np.array(ids, "<i8").tobytes()
        return *values, checksum(*values)

    def change(self, row: Sequence[Any]) -> NDArray[np.int64]:
        """Ids that were changed or deleted when an edition was made.

        Raises:
            DualhashError: It is damaged.
        """
        *values, expected = row
        edition, ids = values
        if checksum(*values) != expected:
            raise self.damaged(f"what was changed in edition {edition}")
        return np.frombuffer(ids, "<i8").astype(np.int64, copy=False)

    def item_row(
        self, item: int, image: Path | str, labels: ItemLabels, payload: Mapping[str, Any]
    ) -> ItemRow:
        """The row of what is kept beside a code.

        Raises:
            DualhashError: Something is not text that can be written as UTF-8.
        """
        states = [labels.attributes.get(name, UNKNOWN) for name in self.attributes]
        values = (
            item,
            self.name(image),
            labels.category,
            np.array(states, np.int8).tobytes(),
            _to_json(payload),
        )
        try:
            return *values, checksum(*values)
        except UnicodeEncodeError as error:
            wrong = error.object[error.start : error.end]
            raise DualhashError(
                f"{values[1]!r} cannot be kept in an index: {wrong!r} in its name, payload or "
                "category cannot be written as UTF-8."
            ) from error

    def name(self, image: Path | str) -> str:
        """How an image is written down."""
        return portable(image, self._folder)

    def item(self, row: Sequence[Any]) -> Item:
        """What is kept beside a code.

        Raises:
            DualhashError: It is damaged.
        """
        *values, expected = row
        item, image, category, attributes, payload = values
        if checksum(*values) != expected:
            raise self.damaged(f"what belongs to id {item}")
        states = np.frombuffer(attributes, np.int8).tolist()
        known = {
            name: bool(state)
            for name, state in zip(self.attributes, states, strict=True)
            if state != UNKNOWN
        }
        return Item(
            item, str(self._folder / image), ItemLabels(category, known), json.loads(payload)
        )

    @cached_property
    def _folder(self) -> Path:
        """What images are named from."""
        return self.path.absolute().parent

    def damaged(self, what: str) -> DualhashError:
        """The error to raise where something is not as it was written."""
        return damaged(self.path, what)


def _to_json(payload: Mapping[str, Any]) -> str:
    """JSON has no nan and no dates: they become null and text."""
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in payload.items()
    }
    return json.dumps(finite, ensure_ascii=False, default=str)
