"""Which figures and data each cell must have for its tables, figures and claims."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from reproduction.grid_cell import Cell, Result
from reproduction.grid_plan import GridPlan
from reproduction.paper_claims import compared_figures
from reproduction.paper_exhibits import exhibits
from reproduction.table_definition import HALF, REAL, WEIGHTED, Exhibit, Picture

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RequiredFigures:
    """What the result of a cell must contain.

    Attributes:
        figures: Figures in tables.
        extras: Data that figures of the paper are drawn from.
        draws: Figures that claims compare.
    """

    figures: frozenset[str] = NOTHING
    extras: frozenset[str] = NOTHING
    draws: frozenset[str] = NOTHING

    @property
    def before(self) -> bool:
        """Whether a table shows figures before quantisation."""
        return self._has(REAL)

    @property
    def halves(self) -> bool:
        """Whether a table shows figures of half of the bits."""
        return self._has(HALF)

    @property
    def weighted(self) -> bool:
        """Whether a table shows figures of weighted searches."""
        return self._has(WEIGHTED)

    def met_by(self, result: Result) -> bool:
        """Whether a result contains everything."""
        return (
            self.figures <= result.figures.keys()
            and self.extras <= result.extras.keys()
            and self.draws <= result.draws.keys()
        )

    def _has(self, start: str) -> bool:
        return any(figure.startswith(start) for figure in self.figures)

    def __or__(self, other: "RequiredFigures") -> "RequiredFigures":
        """What either of both requires."""
        return RequiredFigures(
            self.figures | other.figures, self.extras | other.extras, self.draws | other.draws
        )


def required_figures(plan: GridPlan) -> dict[Cell, RequiredFigures]:
    """Returns what each cell of the paper's grid must have."""
    return requirements_of(exhibits(plan).values(), compared_figures(plan))


def requirements_of(
    shown: Iterable[Exhibit | Picture], compared: Mapping[Cell, frozenset[str]]
) -> dict[Cell, RequiredFigures]:
    """Returns what the cells of some tables and figures must have.

    Args:
        shown: Tables and figures.
        compared: The figures of each cell whose draws are saved.
    """
    found: dict[Cell, list[RequiredFigures]] = {}
    for exhibit in shown:
        if isinstance(exhibit, Picture):
            found.setdefault(exhibit.cell, []).append(
                RequiredFigures(extras=frozenset({exhibit.extra}))
            )
            continue
        for entry in exhibit.entries():
            for cell in entry.cells:
                found.setdefault(cell, []).append(RequiredFigures(frozenset({entry.figure})))
    for cell, figures in compared.items():
        found.setdefault(cell, []).append(RequiredFigures(draws=figures))
    return {cell: reduce(RequiredFigures.__or__, parts) for cell, parts in found.items()}
