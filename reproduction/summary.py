"""Results as the numbers of tables: means over seeds, with what is missing left missing."""

from collections.abc import Mapping
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from reproduction.cell import Result
from reproduction.exhibit import Entry, Exhibit


class Number(BaseModel):
    """One number of a table.

    Attributes:
        mean: Over seeds.
        interval: 95 %, over queries; its ends are means over seeds.
        seeds: The number of each seed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float
    interval: tuple[float, float] | None
    seeds: dict[int, float]


class Table(BaseModel):
    """An exhibit with its numbers.

    Attributes:
        title: Of the exhibit.
        columns: Heads of the columns.
        rows: By the head of a row; None where a method has no number, or it is `missing`.
        missing: Names of the cells that were not finished, or do not have a figure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    columns: tuple[str, ...]
    rows: dict[str, tuple[Number | None, ...]]
    missing: tuple[str, ...] = ()


def table_of(exhibit: Exhibit, results: Mapping[str, Result]) -> Table:
    """The numbers of an exhibit from results by cell name."""
    return Table(
        title=exhibit.title,
        columns=exhibit.columns,
        rows={
            head: tuple(number_of(entry, results) for entry in entries)
            for head, entries in exhibit.rows.items()
        },
        missing=tuple(
            dict.fromkeys(
                cell.name
                for entry in exhibit.entries()
                for cell in entry.cells
                if cell.name not in results or entry.figure not in results[cell.name].figures
            )
        ),
    )


def number_of(entry: Entry | None, results: Mapping[str, Result]) -> Number | None:
    """The mean over the seeds that are finished; None where none is, and without an entry."""
    if entry is None:
        return None
    found = {
        cell.seed: results[cell.name].figures[entry.figure]
        for cell in entry.cells
        if cell.name in results and entry.figure in results[cell.name].figures
    }
    seeds = {seed: figure.value for seed, figure in found.items() if figure.value is not None}
    if not seeds:
        return None
    lows = [figure.low for figure in found.values() if figure.low is not None]
    highs = [figure.high for figure in found.values() if figure.high is not None]
    return Number(
        mean=fmean(seeds.values()),
        interval=(fmean(lows), fmean(highs)) if lows and highs else None,
        seeds=seeds,
    )
