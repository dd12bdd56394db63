"""Why a CSV cannot be read, in words that say what to do."""

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What other tables have where a CSV has commas."""

SHOWN = 80
"""Characters of a header that are shown."""

AS_UTF8 = "Save it as UTF-8 (spreadsheets call it 'CSV UTF-8')"


def csv_fault(path: Path) -> str | None:
    """What is wrong with a CSV, as the rest of a sentence that begins with its name.

    Returns:
        None where nothing is found: its text is UTF-8, and no row has more fields than the header,
        which is not separated by other marks than commas.
    """
    return _not_utf8(path) or _separated_otherwise(path) or _ragged_row(path)


def _not_utf8(path: Path) -> str | None:
    """Names the first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if number == 1 and line.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
                return f"is UTF-16. {AS_UTF8}."
            try:
                line.decode()
            except UnicodeDecodeError as error:
                seen = line[error.start : error.start + 1].decode("latin-1")
                return (
                    f"is not UTF-8: line {number} has a byte that is {seen!r} in Latin-1. "
                    f"{AS_UTF8}, or convert it: iconv -f LATIN1 -t UTF-8 {path.name} > new.csv"
                )
    return None


def _separated_otherwise(path: Path) -> str | None:
    """Names what separates the names of the columns, if it is no comma."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline().rstrip("\r\n")
    for mark, name in SEPARATORS.items():
        if mark in header and "," not in header:
            return (
                f"has {name} between the names of its columns: {header[:SHOWN]!r}. Save it with "
                "commas, which spreadsheets ask for when they save a CSV."
            )
    return None


def _ragged_row(path: Path) -> str | None:
    """Names the first row with more fields than the header."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        width = len(next(rows, ()))
        for number, row in enumerate(rows, 1):
            if len(row) > width:
                return (
                    f"row {number} has {len(row)} fields, the header {width}. "
                    "Put cells that contain a comma into double quotes."
                )
    return None
