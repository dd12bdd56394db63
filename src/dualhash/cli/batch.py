"""Queries from a file and their answers: `dualhash search --batch`."""

import csv
import json as json_text
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dualhash.cli import output
from dualhash.codes import Failure
from dualhash.errors import DualhashError
from dualhash.search import Results

HEADERS = ("image", "query")
"""First lines that are column names."""

SHOWN = 5
"""Results of each query in the table."""


@dataclass(frozen=True)
class Line:
    """A query, and the number of its line from 1."""

    number: int
    query: str


def read_queries(file: Path) -> list[Line]:
    """Reads one query per line: an image, relative to the folder of the file, or id:17.

    In a CSV file it is the first column. Empty lines, and a first line `image` or `query`, are
    skipped.

    Raises:
        DualhashError: The file cannot be read, or has no queries.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as content:
            rows = csv.reader(content, strict=True)
            lines = [Line(rows.line_num, row[0].strip()) for row in rows if row and row[0].strip()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DualhashError(f"The queries in {file} cannot be read: {reason}.") from error
    if lines and lines[0].query in HEADERS:
        del lines[0]
    if not lines:
        raise DualhashError(f"{file} has no queries. Write one per line: an image, or id:17.")
    return [
        line if line.query.startswith("id:") else Line(line.number, str(file.parent / line.query))
        for line in lines
    ]


def print_answers(
    file: Path, lines: list[Line], answers: Iterable[Results | Failure], *, json: bool
) -> None:
    """Prints the results of each query, as JSON one line each, otherwise in a table.

    Raises:
        DualhashError: Some queries could not be used. They are named, and the others answered.
    """
    rows, failed = [], []
    with output.progress("Searching") as report:
        for done, (line, answer) in enumerate(zip(lines, answers, strict=True), start=1):
            if isinstance(answer, Failure):
                failed.append(f"{file} line {line.number}: {answer.reason}")
                content = {"error": answer.reason}
            else:
                content = answer.as_dict()
                path = output.PathCell(line.query)
                rows.append((str(line.number), path, answer.matched, _best(answer)))
            if json:
                text = json_text.dumps(
                    {"line": line.number} | content, ensure_ascii=False, allow_nan=False
                )
                output.console().file.write(text + "\n")
            report(done, len(lines))
    if not json:
        headers = [">line", "query", ">found", "best, as id (distance)"]
        output.show(output.table(str(file), headers, rows))
    if failed:
        output.list_left_out(failed)
        raise DualhashError(
            f"{len(failed):,} of {len(lines):,} queries could not be used; the others are answered."
        )


def _best(results: Results) -> str:
    hits = [
        f"{hit.id}" if hit.distance is None else f"{hit.id} ({hit.distance})"
        for hit in results.hits[:SHOWN]
    ]
    return ", ".join(hits) + (", …" if len(results.hits) > SHOWN else "")
