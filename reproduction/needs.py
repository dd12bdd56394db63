"""What is measured and kept of a cell, judging by the tables, figures and claims that it feeds."""

from dataclasses import dataclass
from functools import reduce

from reproduction.cell import Cell, Result
from reproduction.claims import compared_figures
from reproduction.exhibit import HALF, REAL, WEIGHTED, Picture
from reproduction.grid import exhibits
from reproduction.plan import GridPlan

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Needs:
    """What its result must have.

    Attributes:
        figures: That tables show.
        extras: That figures draw.
        draws: Figures of which a claim takes differences.
    """

    figures: frozenset[str] = NOTHING
    extras: frozenset[str] = NOTHING
    draws: frozenset[str] = NOTHING

    @property
    def before(self) -> bool:
        """Whether a table has figures of its outputs before quantisation."""
        return self._has(REAL)

    @property
    def halves(self) -> bool:
        """Whether a table has figures of half of its bits."""
        return self._has(HALF)

    @property
    def weighted(self) -> bool:
        """Whether a table has figures of its weighted searches."""
        return self._has(WEIGHTED)

    def met_by(self, result: Result) -> bool:
        """Whether a result has all of it."""
        return (
            self.figures <= result.figures.keys()
            and self.extras <= result.extras.keys()
            and self.draws <= result.draws.keys()
        )

    def _has(self, start: str) -> bool:
        return any(figure.startswith(start) for figure in self.figures)

    def __or__(self, other: "Needs") -> "Needs":
        """Of both."""
        return Needs(
            self.figures | other.figures, self.extras | other.extras, self.draws | other.draws
        )


def needs_by_cell(plan: GridPlan) -> dict[Cell, Needs]:
    """What is needed of each cell that feeds a table, a figure or a claim."""
    found: dict[Cell, list[Needs]] = {}
    for exhibit in exhibits(plan).values():
        if isinstance(exhibit, Picture):
            found.setdefault(exhibit.cell, []).append(Needs(extras=frozenset({exhibit.extra})))
            continue
        for entry in exhibit.entries():
            for cell in entry.cells:
                found.setdefault(cell, []).append(Needs(frozenset({entry.figure})))
    for cell, figures in compared_figures(plan).items():
        found.setdefault(cell, []).append(Needs(draws=figures))
    return {cell: reduce(Needs.__or__, needs) for cell, needs in found.items()}
