"""The values of items' fields, by column, so that a filter reads only what it asks for."""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

from dualhash.errors import DualhashError, nearest

CATEGORY = "category"
"""The field of a filter that is an item's label; all others are fields of its payload."""

Column = list[str | None]
"""The text of one field of each of n items; None where an item does not have the field."""

Fields = dict[str, Column]
"""The columns of n items, by field."""


NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
"""A number as JSON writes one, of a size that can be written out."""

PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""Text that stands for a number. What has an exponent may be an article's code, such as 2e79."""


def as_text(value: object) -> str:
    """A value in the form in which it is stored and compared: text as it is, the rest as JSON.

    Whatever is a number, or the text of one, has one form however it was written: 2001.0 and
    "2001" are both 2001. Other text stays as it is, such as 007 and 2e79.
    """
    if isinstance(value, str):
        text, form = value, PLAIN
    else:
        text, form = json.dumps(value, ensure_ascii=False), NUMBER
    if not form.fullmatch(text):
        return text
    number = Decimal(text)
    return f"{number.normalize(Context(prec=len(text))):f}" if number else "0"


def facts_of(category: str | None, payload: Mapping[str, Any]) -> dict[str, str]:
    """The text of each field of one item; a label takes the place of a field of its name."""
    facts = {field: as_text(value) for field, value in payload.items() if field != CATEGORY}
    return facts if category is None else facts | {CATEGORY: as_text(category)}


def check_field(field: str, known: Collection[str]) -> None:
    """Refuses a field that no item has.

    Raises:
        DualhashError: It is not known.
    """
    if field not in known:
        raise DualhashError(f"No item has a field {field!r}. {nearest(field, known)}")


def fields_of(items: Sequence[tuple[str | None, dict[str, Any]]]) -> Fields:
    """The columns of items, given by their category and payload."""
    fields: defaultdict[str, Column] = defaultdict(lambda: [None] * len(items))
    for row, (category, payload) in enumerate(items):
        for field, text in facts_of(category, payload).items():
            fields[field][row] = text
    return fields


def joined(parts: Iterable[tuple[int, Fields]]) -> Fields:
    """The columns of several lots of items, each with its number of items, as one."""
    fields: Fields = {}
    total = 0
    for count, part in parts:
        for field in fields.keys() | part.keys():
            column = fields.setdefault(field, [None] * total)
            column += part.get(field, [None] * count)
        total += count
    return fields


def taken(fields: Fields, rows: Sequence[int] | range) -> Fields:
    """The columns of some of the items."""
    return {field: [column[row] for row in rows] for field, column in fields.items()}
