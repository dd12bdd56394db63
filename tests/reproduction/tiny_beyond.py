"""Results of the grid beyond the paper, made up, and plans that are shorter."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from dualhash.evaluation.evaluation_result import MetricValue
from reproduction.beyond.exhibits import exhibits
from reproduction.beyond.plans import PLANS, parts_of
from reproduction.beyond.targets import compared_figures
from reproduction.grid_cell import Result
from reproduction.grid_plan import GridPlan
from reproduction.paper_exhibits import cells_of
from reproduction.required_figures import requirements_of
from reproduction.result_store import ResultStore

SHORT = {"iterations": 2, "validation_every": 2, "mirror": False}
"""Settings of trainings of a second."""

TINY: GridPlan = replace(
    PLANS["fashion"],
    attributes=2,
    training={"preset": "features", **SHORT},
    bits=16,
    category_bits=(16,),
    seeds=(0,),
    held_out=1,
    trials={},
    resamples=5,
)
"""For the tiny catalogue of tests/training/tiny_training.py."""


def made_up(catalogue: str) -> list[Result]:
    """Every cell of a catalogue, with figures that depend on its place."""
    plan = PLANS[catalogue]
    required = requirements_of(exhibits(plan).values(), compared_figures(plan))
    found = []
    shown = cells_of(exhibits(plan))
    parts = dict.fromkeys(part for cell in shown for part in parts_of(cell, plan))
    for place, cell in enumerate(dict.fromkeys([*parts, *shown])):
        needs = required.get(cell)
        figures = {"bits", "seconds"} | ((needs.figures | needs.draws) if needs else set())
        rng = np.random.default_rng(place)
        values = {name: round(float(rng.uniform(0.2, 0.8)), 4) for name in sorted(figures)}
        found.append(
            Result(
                name=cell.name,
                method=cell.method,
                bits=cell.bits,
                seed=cell.seed,
                catalogue=catalogue,
                recipe={},
                figures={
                    name: MetricValue(value=value, low=value - 0.01, high=value + 0.01)
                    for name, value in values.items()
                },
                seconds={"training": 10.0, "judging": 2.0},
                hashes={"data": "d", "model": cell.name}
                | {part.method: part.name for part in parts_of(cell, plan)},
                extras={
                    name: {
                        "category": {"probability": [0.2, 0.9], "share": [0.25, 0.85]},
                        "all_attributes": None,
                    }
                    for name in (needs.extras if needs else ())
                },
                draws={
                    name: (values[name] + rng.normal(0, 0.01, 5)).round(6).tolist()
                    for name in sorted(needs.draws if needs else ())
                },
            )
        )
    return found


def write_made_up(folder: Path) -> None:
    """Saves the cells of every catalogue."""
    for catalogue in PLANS:
        for result in made_up(catalogue):
            ResultStore(folder / catalogue).write(result)
