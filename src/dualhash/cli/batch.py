"""Queries from a file and their answers: `dualhash search --batch`."""

import csv
import json as json_text
from collections.abc import Iterable
from pathlib import Path

from dualhash.cli import output
from dualhash.codes import Failure
from dualhash.errors import DualhashError
from dualhash.progress import console
from dualhash.search import Results

HEADERS = ("image", "query")
"""First lines that are column names."""

SHOWN = 5
"""Results of each query in the table."""


def read_queries(file: Path) -> dict[int, str]:
    """Reads one query per line: an image, relative to the folder of the file, or id:17.

    In a CSV file it is the first column. Empty lines, and a first line `image` or `query`, are
    skipped.

    Returns:
        The queries by the number of their line from 1.

    Raises:
        DualhashError: The file cannot be read, or has no queries.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as content:
            rows = csv.reader(content, strict=True)
            texts = ((rows.line_num, row[0].strip()) for row in rows if row)
            lines = {number: text for number, text in texts if text}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DualhashError(f"The queries in {file} cannot be read: {reason}.") from error
    if lines and lines[first := min(lines)] in HEADERS:
        del lines[first]
    if not lines:
        raise DualhashError(f"{file} has no queries. Write one per line: an image, or id:17.")
    return {
        number: query if query.startswith("id:") else str(file.parent / query)
        for number, query in lines.items()
    }


def print_answers(
    file: Path, lines: dict[int, str], answers: Iterable[Results | Failure], *, json: bool
) -> None:
    """Prints the results of each query, as JSON one line each, otherwise in a table.

    Raises:
        DualhashError: Some queries could not be used. They are named, and the others answered.
    """
    rows, failed, title = [], [], str(file)
    with output.progress("Searching") as report:
        answered = zip(lines.items(), answers, strict=True)
        for done, ((number, query), answer) in enumerate(answered, start=1):
            if isinstance(answer, Failure):
                failed.append(f"{file} line {number}: {answer.reason}")
                content = {"error": answer.reason}
            else:
                content = answer.as_dict()
                path = output.PathCell(query)
                rows.append((str(number), path, answer.matched, _best(answer)))
                title = f"{file}: {answer.words}"
            if json:
                text = json_text.dumps(
                    {"line": number} | content, ensure_ascii=False, allow_nan=False
                )
                console().file.write(text + "\n")
            report(done, len(lines))
    if not json:
        headers = [">line", "query", ">found", "best, as id (distance)"]
        output.show(output.table(title, headers, rows))
    if failed:
        output.list_left_out(failed)
        raise DualhashError(
            f"{len(failed):,} of {output.counted(len(lines), 'query')} could not be used; the "
            "others are answered."
        )


def _best(results: Results) -> str:
    hits = [
        f"{hit.id}" if hit.distance is None else f"{hit.id} ({hit.distance})"
        for hit in results.hits[:SHOWN]
    ]
    return ", ".join(hits) + (", …" if len(results.hits) > SHOWN else "")
