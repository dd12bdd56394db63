"""What is measured of a cell, judging by the tables and figures that it feeds."""

from collections.abc import Iterator

from dualhash.experiments.beyond import HALF, SOFT
from dualhash.experiments.cell import Cell
from dualhash.experiments.claims import compared_figures
from dualhash.experiments.exhibit import Entry, Exhibit, Picture
from dualhash.experiments.grid import REAL, exhibits
from dualhash.experiments.plan import Plan


def figures_by_cell(plan: Plan) -> dict[Cell, frozenset[str]]:
    """The figures that tables have of each cell."""
    found: dict[Cell, set[str]] = {}
    for entry in _entries(plan):
        for cell in entry.cells:
            found.setdefault(cell, set()).add(entry.figure)
    return {cell: frozenset(figures) for cell, figures in found.items()}


def extras_of(cell: Cell, plan: Plan) -> frozenset[str]:
    """What figures draw from this cell besides its numbers."""
    pictures = [each for each in exhibits(plan).values() if isinstance(each, Picture)]
    return frozenset(picture.extra for picture in pictures if picture.cell == cell)


def measured_before(cell: Cell, plan: Plan) -> bool:
    """Whether a table has figures of its outputs before quantisation."""
    return _feeds(cell, plan, REAL)


def measured_by_halves(cell: Cell, plan: Plan) -> bool:
    """Whether a table has figures of half of its bits."""
    return _feeds(cell, plan, HALF)


def measured_soft(cell: Cell, plan: Plan) -> bool:
    """Whether a table has figures of its soft searches."""
    return _feeds(cell, plan, SOFT)


def kept_draws(cell: Cell, plan: Plan) -> frozenset[str]:
    """Figures of which a claim takes differences."""
    return compared_figures(plan).get(cell, frozenset())


def _feeds(cell: Cell, plan: Plan, start: str) -> bool:
    """Whether a table has a figure of the cell whose name starts so."""
    return any(entry.figure.startswith(start) and cell in entry.cells for entry in _entries(plan))


def _entries(plan: Plan) -> Iterator[Entry]:
    """All entries of all tables."""
    for exhibit in exhibits(plan).values():
        if isinstance(exhibit, Exhibit):
            yield from exhibit.entries()
