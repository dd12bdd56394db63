"""Which results are up to date, and which fit together: same data, backbone and chosen settings."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from reproduction.grid_cell import Cell, Result
from reproduction.grid_plan import GridPlan
from reproduction.setting_choice import chosen_settings, nested
from reproduction.standard_cells import parts_of


def current(
    cell: Cell,
    recipe: Mapping[str, Any],
    data: str,
    parts: Iterable[Cell],
    results: Mapping[str, Result],
) -> bool:
    """Whether a cell has a result with these settings, of these data and models.

    Args:
        cell: The cell.
        recipe: The settings that the grid requests now.
        data: Hash of the catalogue's labels.
        parts: The cells whose models it is made from.
        results: By name of their cell.
    """
    result = results.get(cell.name)
    if result is None:
        return False
    return (
        result.recipe == json.loads(json.dumps(recipe))
        and result.hashes.get("data") == data
        and all(made_from(result, part, results) for part in parts)
    )


def made_from(result: Result, part: Cell, results: Mapping[str, Result]) -> bool:
    """Whether a result was made from the current model of a part."""
    now = results.get(part.name)
    return now is not None and result.hashes.get(part.method) == now.hashes.get("model")


def consistent(
    cells: Iterable[Cell], plan: GridPlan, results: Mapping[str, Result]
) -> dict[str, Result]:
    """Returns the results of some cells, by name, without results that contradict others.

    A result counts as missing if it was made from another model than its part's result, or with
    other settings than the trials choose now. Parts and trials that are missing are not checked.

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
    decided = nested(chosen_settings(cell, plan, results) or {})
    return (
        all(made_from(result, part, results) for part in parts)
        and decided.items() <= result.recipe.items()
    )
