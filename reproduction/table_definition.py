"""The definition of a table or figure: which figures of which cells it shows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from reproduction.grid_cell import Cell

TASKS = {
    "Cat.": "category_map",
    "Attr.": "attribute_map",
    "Com.": "combined_recall_at_5",
}
"""The figure of each task, by the head of its column."""

DEPTHS = (5, 10, 20, 50, 75, 100)
"""Numbers of results at which combined retrieval is measured."""

REAL = "real_"
"""Prefix of figures of real-valued outputs, before quantisation."""

HALF = "half_"
"""Prefix of figures of rankings by half of the bits."""

WEIGHTED = "weighted_"
"""Prefix of figures of weighted searches."""


@dataclass(frozen=True)
class Entry:
    """One number: the mean of a figure over cells that differ in their seed.

    Attributes:
        figure: Its name in `Result.figures`.
        cells: One for each seed.
    """

    figure: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Exhibit:
    """A table, or a figure that shows a table.

    Attributes:
        title: What it shows.
        columns: Heads of the columns.
        rows: By the head of a row, an entry for each column; None if the method has no number.
        drawn: How it is drawn, if it is a figure in the paper.
        axis: Label of the axis along the columns.
        figure: What the numbers are, if they are all of one kind.
        note: A sentence on the difference from the paper.
    """

    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Entry | None, ...]]
    drawn: Literal["lines", "bars"] | None = None
    axis: str = ""
    figure: str = ""
    note: str = ""

    def entries(self) -> Iterator[Entry]:
        """Yields the entries, in the order of rows and columns."""
        for entries in self.rows.values():
            yield from (entry for entry in entries if entry is not None)

    def cells(self) -> Iterator[Cell]:
        """Yields the cells, in the order of entries and seeds, with repetitions."""
        for entry in self.entries():
            yield from entry.cells


@dataclass(frozen=True)
class Picture:
    """A figure that is drawn from the extra data of one cell.

    Attributes:
        title: What it shows.
        extra: Name of the data in `Result.extras`.
        cell: The cell that has the data.
        figure: Name of the value that the report states, if there is one.
        note: A sentence on the difference from the paper.
    """

    title: str
    extra: str
    cell: Cell
    figure: str = ""
    note: str = ""

    def cells(self) -> Iterator[Cell]:
        """Yields the one cell."""
        yield self.cell
