"""Which results belong together: those of one backbone, and of the settings that were chosen."""

from collections.abc import Iterable, Mapping

from reproduction.cell import Cell, Result
from reproduction.cells import parts_of
from reproduction.plan import GridPlan
from reproduction.store import made_from
from reproduction.tuning import chosen, nested


def consistent(
    cells: Iterable[Cell], plan: GridPlan, results: Mapping[str, Result]
) -> dict[str, Result]:
    """The results of some cells, by name, without those that disagree with others.

    A cell that was made from another model than its part's result is of, or with other settings
    than the trials now decide, counts as missing. What its part or trials are is not known while
    these are missing.

    Args:
        cells: Of the plan.
        plan: Of the catalogue.
        results: By name of their cell.
    """
    return {
        cell.name: results[cell.name]
        for cell in cells
        if cell.name in results and _agrees(cell, plan, results)
    }


def _agrees(cell: Cell, plan: GridPlan, results: Mapping[str, Result]) -> bool:
    result = results[cell.name]
    parts = [part for part in parts_of(cell, plan) if part.name in results]
    decided = nested(chosen(cell, plan, results) or {})
    return (
        all(made_from(result, part, results) for part in parts)
        and decided.items() <= result.recipe.items()
    )
