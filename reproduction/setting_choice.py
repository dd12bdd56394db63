"""The choice of settings on validation images."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dualhash.training.config import TrainConfig
from dualhash.training.loop.choose_alpha import Trial, choose_alpha
from dualhash.training.loop.validation_score import validation_score
from reproduction.grid_cell import Cell, Result
from reproduction.grid_plan import GridPlan
from reproduction.table_definition import Entry, Exhibit

TOLERANCE: float = TrainConfig.model_fields["alpha_tolerance"].default
"""The relative drop of category mAP that the choice of alpha accepts."""


def trial_cells(method: str, plan: GridPlan) -> tuple[Cell, ...]:
    """Returns the trials of a method, each with the plan's bits and first seed."""
    return tuple(
        Cell(method, plan.bits, settings=((name, value),), seed=plan.seeds[0], trial=True)
        for name, values in plan.trials.get(method, {}).items()
        for value in values
    )


def trials_of(cell: Cell, plan: GridPlan) -> tuple[Cell, ...]:
    """Returns the trials that choose the settings which a cell and its backbone leave open."""
    if cell.trial:
        return ()
    stated = dict(cell.settings)
    stated |= plan.backbones[stated.get("backbone", plan.backbone)]
    tried = trial_cells(cell.method, plan)
    return tuple(trial for trial in tried if trial.settings[0][0] not in stated)


def chosen_settings(
    cell: Cell, plan: GridPlan, results: Mapping[str, Result]
) -> dict[str, Any] | None:
    """Returns the settings of a cell that its trials choose; None while a trial is missing.

    For alpha it is the largest value at which category mAP has not clearly dropped (section 4.1),
    for other settings the value with the best harmonic mean of the validation figures.
    """
    tried: dict[str, list[Tried]] = {}
    for trial in trials_of(cell, plan):
        if trial.name not in results:
            return None
        ((name, value),) = trial.settings
        figures = (_value(results[trial.name], figure) for figure in VALIDATION)
        tried.setdefault(name, []).append(Tried(value, *figures))
    return {name: _best(name, values) for name, values in tried.items()}


class Tried(NamedTuple):
    """A value of a setting and the validation figures of its trial."""

    value: Any
    category_map: float
    avg_hm: float


def _best(name: str, tried: Sequence[Tried]) -> Any:  # noqa: ANN401
    if name == "alpha":
        return choose_alpha([Trial(*each) for each in tried], TOLERANCE)
    return max(tried, key=lambda each: validation_score(each.category_map, each.avg_hm)).value


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns settings as nested dicts; names such as "loss_settings.margin" are split."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        outer, _, inner = name.partition(".")
        if inner:
            found.setdefault(outer, {})[inner] = value
        else:
            found[outer] = value
    return found


VALIDATION = ("validation_category_map", "validation_avg_hm")
"""Figures of a trial."""


def choices(plan: GridPlan) -> Exhibit:
    """The table of all trials."""
    return Exhibit(
        "Settings chosen on validation images",
        ("category mAP", "avg HM"),
        {
            f"{trial.method}, {name} {value}": tuple(
                Entry(figure, (trial,)) for figure in VALIDATION
            )
            for method in plan.trials
            for trial in trial_cells(method, plan)
            for name, value in trial.settings
        },
    )


def _value(result: Result, figure: str) -> float:
    value = result.figures[figure].value if figure in result.figures else None
    return float("nan") if value is None else value
