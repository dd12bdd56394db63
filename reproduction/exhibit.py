"""What a table or figure of the report is made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from reproduction.cell import Cell

TASKS = {
    "Cat.": "category_map",
    "Attr.": "attribute_map",
    "Com.": "combined_recall_at_5",
}
"""The figure of each task by the head of its column."""

DEPTHS = (5, 10, 20, 50, 75, 100)
"""Numbers of results that combined retrieval is measured at."""

REAL = "real_"
"""Before the names of figures of real-valued outputs, before quantisation."""

HALF = "half_"
"""Before the names of figures of rankings by half of the bits."""

WEIGHTED = "weighted_"
"""Before the names of figures of weighted searches."""


@dataclass(frozen=True)
class Entry:
    """One number: the mean of a figure over cells that differ in their seed.

    Attributes:
        figure: Its name in `Result.figures`.
        cells: One a seed.
    """

    figure: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Exhibit:
    """A table, or a figure that is a table drawn.

    Attributes:
        title: What it shows.
        columns: Heads of its columns.
        rows: By the head of a row, an entry a column; None where the method has none.
        drawn: How it is drawn, if it is a figure in the paper.
        axis: What the columns are, where they are drawn along an axis.
        figure: What the numbers are, where they are all of one kind.
        note: A sentence on how it differs from the paper's.
    """

    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Entry | None, ...]]
    drawn: Literal["lines", "bars"] | None = None
    axis: str = ""
    figure: str = ""
    note: str = ""

    def entries(self) -> Iterator[Entry]:
        """Its entries, in the order of rows and columns."""
        for entries in self.rows.values():
            yield from (entry for entry in entries if entry is not None)

    def cells(self) -> Iterator[Cell]:
        """Its cells, in the order of entries and seeds; some several times."""
        for entry in self.entries():
            yield from entry.cells


@dataclass(frozen=True)
class Picture:
    """A figure drawn from what single cells keep besides their figures.

    Attributes:
        title: What it shows.
        extra: Name in `Result.extras` of what it is drawn from.
        cell: The cell that keeps it.
        figure: Which of its values the figure is about, where it is one.
        note: A sentence on how it differs from the paper's.
    """

    title: str
    extra: str
    cell: Cell
    figure: str = ""
    note: str = ""

    def cells(self) -> Iterator[Cell]:
        """The one cell."""
        yield self.cell
