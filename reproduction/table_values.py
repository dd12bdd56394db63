"""The numbers of tables: means over seeds. Missing results stay missing."""

from collections.abc import Mapping
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from reproduction.grid_cell import Result
from reproduction.table_definition import Entry, Exhibit


class TableNumber(BaseModel):
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
    """A table with its numbers.

    Attributes:
        title: Of the table.
        columns: Heads of the columns.
        rows: By the head of a row; None if a method has no number or it is `missing`.
        missing: Names of the cells that are not finished or lack a figure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    columns: tuple[str, ...]
    rows: dict[str, tuple[TableNumber | None, ...]]
    missing: tuple[str, ...] = ()


def table_of(exhibit: Exhibit, results: Mapping[str, Result]) -> Table:
    """Returns the numbers of a table, from results by cell name."""
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


def number_of(entry: Entry | None, results: Mapping[str, Result]) -> TableNumber | None:
    """Returns the mean over the finished seeds; None if there are none, or without an entry."""
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
    return TableNumber(
        mean=fmean(seeds.values()),
        interval=(fmean(lows), fmean(highs)) if lows and highs else None,
        seeds=seeds,
    )
