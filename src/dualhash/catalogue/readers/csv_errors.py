"""Why a CSV cannot be read, with what to do about it."""

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from io import StringIO
from pathlib import Path

from dualhash.catalogue.problems import shortened

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""Separators of other tables, where a CSV has commas."""

SHOWN = 80
"""How many characters of a header are shown."""

AS_UTF8 = "Save it as UTF-8 (spreadsheets call it 'CSV UTF-8')"


def explain_csv_error(path: Path) -> str | None:
    """What is wrong with a CSV, as the rest of a sentence that begins with its name.

    Returns:
        None if the text is UTF-8, the header has commas, and no row has more fields than it.
    """
    content = path.read_bytes()
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return f"is UTF-16. {AS_UTF8}."
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start : error.start + 1].decode("latin-1")
        return (
            f"is not UTF-8: line {line} has a byte that is {byte!r} in Latin-1. "
            f"{AS_UTF8}, or convert it: iconv -f LATIN1 -t UTF-8 {path.name} > new.csv"
        )
    header = text.partition("\n")[0].rstrip("\r")
    for mark, name in SEPARATORS.items():
        if mark in header and "," not in header:
            return (
                f"has {name} between its column names: {header[:SHOWN]!r}. Save it with "
                "commas as separators."
            )
    rows = csv.reader(StringIO(text, newline=""))
    width = len(next(rows, ()))
    for number, row in enumerate(rows, 1):
        if len(row) > width:
            return (
                f"row {number} has {len(row)} fields, but the header has {width}. "
                "Put cells that contain a comma into double quotes."
            )
    return None


def duplicate_columns(path: Path) -> str | None:
    """The names that two or more columns of a CSV have, in the same form; None if none."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        counts = Counter(next(csv.reader(file), ()))
    names = [repr(name) for name, count in counts.items() if name and count > 1]
    if not names:
        return None
    return f"has more than one column named {shortened(names)}. Rename or delete all but one."
