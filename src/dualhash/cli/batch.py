"""Many queries from a file: `dualhash search --batch`."""

from __future__ import annotations

import csv
import json as json_text
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dualhash.cli import output
from dualhash.errors import DualhashError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dualhash.codes.encoder import Failure
    from dualhash.search import Results

HEADERS = ("image", "query")
"""First lines that are no query."""

SHOWN = 5
"""Results of each query that are printed where they are not printed as JSON."""


@dataclass(frozen=True)
class Line:
    """A query and the number of its line, from 1."""

    number: int
    query: str


def read_queries(file: Path) -> list[Line]:
    """One query a line: an image, relative to the folder of the file, or id:17.

    Of a CSV file it is the first column. Empty lines, and a first line that says `image` or
    `query`, are none.

    Raises:
        DualhashError: It cannot be read, or there is no query in it.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.reader(opened, strict=True)
            lines = [Line(rows.line_num, row[0].strip()) for row in rows if row and row[0].strip()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DualhashError(f"The queries in {file} cannot be read: {reason}.") from error
    if lines and lines[0].query in HEADERS:
        del lines[0]
    if not lines:
        raise DualhashError(f"{file} holds no queries; it takes one a line: an image, or id:17.")
    return [Line(line.number, _placed(line.query, file.parent)) for line in lines]


def show_answers(
    file: Path, lines: list[Line], answers: Iterable[Results | Failure], *, json: bool
) -> None:
    """Prints what was found for each query, as JSON one line each, in a table otherwise.

    Raises:
        DualhashError: Some queries could not be used. They have been named and the others answered.
    """
    from dualhash.codes.encoder import Failure

    shown = output.table(f"{file}", ">line", "query", ">found", "best, as id (distance)")
    failed = []
    with output.progress("Searching") as report:
        for done, (line, found) in enumerate(zip(lines, answers, strict=True), start=1):
            if isinstance(found, Failure):
                failed.append(f"{file} line {line.number}: {found.reason}")
                told = {"error": found.reason}
            else:
                told = found.as_dict()
                shown.add_row(
                    str(line.number),
                    output.PathCell(line.query),
                    f"{found.matched:,}",
                    _best(found),
                )
            if json:
                _print_line({"line": line.number} | told)
            report(done, len(lines))
    if not json:
        output.show(shown)
    if failed:
        output.list_left_out(failed)
        raise DualhashError(
            f"{len(failed):,} of {len(lines):,} queries could not be used; the others are answered."
        )


def _placed(query: str, folder: Path) -> str:
    return query if query.startswith("id:") else str(folder / query)


def _print_line(value: object) -> None:
    line = json_text.dumps(value, ensure_ascii=False, allow_nan=False)
    output.console().file.write(line + "\n")


def _best(found: Results) -> str:
    hits = [
        f"{hit.id}" if hit.distance is None else f"{hit.id} ({hit.distance})"
        for hit in found.hits[:SHOWN]
    ]
    return ", ".join(hits) + (", …" if len(found.hits) > SHOWN else "")
