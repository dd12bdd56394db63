"""The values of payload fields: as JSON, as the text that filters compare, and by column."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, time
from decimal import Context, Decimal
from typing import Any

import numpy as np

from dualhash.errors import DualhashError, nearest

CATEGORY = "category"
"""The field of a filter that is an item's label; all others are fields of its payload."""

Column = list[str | None]
"""The text of one field of each of n items; None if an item does not have the field."""

Fields = dict[str, Column]
"""The columns of n items, by field."""

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
"""A number as JSON writes it, of a size that can be written out."""

PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""Text that stands for a number. Text with an exponent may be a product code, such as 2e79."""


def json_value(value: object) -> Any:  # noqa: ANN401 - it goes to `json`
    """Returns a payload value as JSON stores it.

    Numbers of numpy and decimals become numbers, dates and times ISO 8601 text.

    Raises:
        TypeError: JSON has no such value; the message says what it is.
    """
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        value = value.item()
    if isinstance(value, np.datetime64) and not np.isnat(value):
        value = str(value)
    elif isinstance(value, date | time):
        value = value.isoformat()
    elif isinstance(value, Decimal):
        whole = value.is_finite() and value == value.to_integral_value()
        value = int(value) if whole else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"the number {value}")
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [json_value(part) for part in value]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r}, which is not text")
        return {key: json_value(part) for key, part in value.items()}
    raise TypeError(f"a value of type {type(value).__name__}")


def as_text(value: object) -> str:
    """Returns a value in the form in which it is stored and compared: text as it is, or JSON.

    A number, or the text of one, has one form however it was written: 2001.0 and "2001" are both
    2001. Other text stays as it is, such as 007 and 2e79.

    Raises:
        TypeError: JSON has no such value.
    """
    value = json_value(value)
    if isinstance(value, str):
        text, form = value, PLAIN
    else:
        text, form = json.dumps(value, ensure_ascii=False), NUMBER
    if not form.fullmatch(text):
        return text
    number = Decimal(text)
    return f"{number.normalize(Context(prec=len(text))):f}" if number else "0"


def facts_of(category: str | None, payload: Mapping[str, Any]) -> dict[str, str]:
    """Returns the text of each field of one item; a label replaces a field of the same name."""
    facts = {field: as_text(value) for field, value in payload.items() if field != CATEGORY}
    return facts if category is None else facts | {CATEGORY: as_text(category)}


def check_field(field: str, known: Collection[str]) -> None:
    """Refuses a field that no item has.

    Raises:
        DualhashError: The field is not in `known`.
    """
    if field not in known:
        raise DualhashError(f"No item has a field {field!r}. {nearest(field, known)}")


def fields_of(items: Sequence[tuple[str | None, Mapping[str, Any]]]) -> Fields:
    """Returns the columns of items, given as category and payload."""
    fields: defaultdict[str, Column] = defaultdict(lambda: [None] * len(items))
    for row, (category, payload) in enumerate(items):
        for field, text in facts_of(category, payload).items():
            fields[field][row] = text
    return fields


def joined(parts: Iterable[tuple[int, Fields]]) -> Fields:
    """Returns the columns of several groups of items, each with its number of items, as one."""
    fields: Fields = {}
    total = 0
    for count, part in parts:
        for field in fields.keys() | part.keys():
            column = fields.setdefault(field, [None] * total)
            column += part.get(field, [None] * count)
        total += count
    return fields


def taken(fields: Fields, rows: Sequence[int]) -> Fields:
    """Returns the columns of some of the items, without fields that none of these has."""
    columns = ((field, [column[row] for row in rows]) for field, column in fields.items())
    return {field: column for field, column in columns if any(text is not None for text in column)}
