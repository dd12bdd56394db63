"""Tables and claims as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from dualhash.analysis.correlation import Correlation
from reproduction.paper_claims import ClaimResult
from reproduction.printed_tables import PrintedTable
from reproduction.table_definition import Entry, Exhibit
from reproduction.table_values import Table, TableNumber

NONE, MISSING = "–", "missing"

WHOLE = frozenset({"bits", "seconds"})
"""Figures that are shown as a whole number, without an interval."""


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Formats a table; the first column holds words, the others numbers."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def numbers(exhibit: Exhibit, table: Table) -> str:
    """Formats the numbers of a table, each with its interval and the values of the seeds."""
    rows = [
        [
            head,
            *(
                _unknown(entry, table)
                if entry is None or number is None
                else _number(entry, number)
                for entry, number in zip(exhibit.rows[head], entries, strict=True)
            ),
        ]
        for head, entries in table.rows.items()
    ]
    return grid(["", *table.columns], rows)


def as_printed(table: PrintedTable) -> str:
    """Formats a table of the paper."""
    rows = [[head, *(f"{value:.3f}" for value in values)] for head, values in table.rows.items()]
    return f"{table.dataset}, as printed:\n\n" + grid(["", *table.columns], rows)


def correlation(value: Correlation) -> str:
    """Formats a correlation with its interval."""
    if value.value is None:
        return "The correlation is not defined.\n"
    low, high = value.low, value.high
    reach = "" if low is None or high is None else f", 95 % interval {low:.4f} to {high:.4f}"
    return f"Correlation {value.value:.4f}{reach}.\n"


def verdicts(held: Mapping[str, ClaimResult]) -> str:
    """Formats the claims, whether they hold, and the margins."""
    rows = [
        [
            verdict.words,
            {True: "yes", False: "no", None: MISSING}[verdict.holds],
            MISSING if verdict.margin is None else f"{verdict.margin:+.4f}",
            "" if verdict.interval is None else "{:+.4f} to {:+.4f}".format(*verdict.interval),
        ]
        for verdict in held.values()
    ]
    return grid(["claim", "holds", "margin", "95 %"], rows)


def _unknown(entry: Entry | None, table: Table) -> str:
    """The text of an entry without a number: none exists, or its cell is missing."""
    unfinished = entry is not None and any(cell.name in table.missing for cell in entry.cells)
    return MISSING if unfinished else NONE


def _number(entry: Entry, number: TableNumber) -> str:
    if entry.figure in WHOLE or entry.figure.startswith("pairs_at"):
        return f"{number.mean:.0f}"
    parts = [f"{number.mean:.3f}"]
    if number.interval is not None:
        parts.append("<sub>{:.3f} to {:.3f}</sub>".format(*number.interval))
    if len(number.seeds) > 1:
        each = ", ".join(f"{number.seeds[seed]:.3f}" for seed in sorted(number.seeds))
        parts.append(f"<sub>seeds {each}</sub>")
    return "<br>".join(parts)
