"""The targets of dph+ on fashion, tested on the results with paired intervals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dualhash.evaluation.compare import compare_draws
from dualhash.evaluation.evaluation_result import MetricValue
from reproduction.beyond.exhibits import (
    ATTRIBUTE,
    CALIBRATION_ERROR,
    CATEGORY,
    FILTER,
    POSTERIOR,
    PRECISION,
    SECONDS,
)
from reproduction.beyond.plans import (
    FLOAT_FEATURES,
    MULTIPLE_MODEL,
    PLANS,
    PLUS,
    cells,
)
from reproduction.grid_cell import Cell, Result
from reproduction.grid_plan import GridPlan
from reproduction.method_outputs import ATTRIBUTE_MODEL, CATEGORY_MODEL, CLASS_ID
from reproduction.paper_claims import mean_draws
from reproduction.table_definition import REAL

TARGETED = "fashion"
"""The catalogue of the targets."""

RECALL_5, RECALL_100 = "recall_at_5", "recall_at_100"


@dataclass(frozen=True)
class Measured:
    """Figures of a method, of which the largest mean over seeds counts.

    Attributes:
        cells: One for each seed.
        figures: Names of figures.
    """

    cells: tuple[Cell, ...]
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """A bound for a figure of dph+.

    Attributes:
        words: The target in words.
        ours: What is measured.
        target: The number.
        rivals: If given, ours minus the best of these is measured.
        divided: Measure ours divided by the rival, without an interval.
        bound: Whether the number is the least or the most.
    """

    words: str
    ours: Measured
    target: float
    rivals: tuple[Measured, ...] = ()
    divided: bool = False
    bound: Literal["least", "most"] = "least"


class TargetResult(BaseModel):
    """What was measured for a target.

    Attributes:
        measured: The mean over seeds; None if it was not yet measured.
        target: Of the target.
        low: Lower end of the 95 % interval over queries, paired for differences; None without one.
        high: Upper end.
        holds: Whether `measured` reaches `target`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    measured: float | None
    target: float
    low: float | None = None
    high: float | None = None
    holds: bool | None = None


def targets(plan: GridPlan = PLANS[TARGETED]) -> dict[str, Target]:
    """Returns every target by name."""

    def of(method: str, *figures: str, bits: int | None = None, held_out: int = 0) -> Measured:
        return Measured(cells(method, plan, bits, held_out=held_out), figures)

    best_way = (FILTER + RECALL_5, POSTERIOR + RECALL_5)
    tasks = {
        "category-map": ("category mAP", (CATEGORY,)),
        "attribute-map": ("attribute mAP", (ATTRIBUTE,)),
        "combined-recall-at-5": ("combined recall at 5", best_way),
    }
    category_methods = (
        of(CATEGORY_MODEL, CATEGORY),
        of(MULTIPLE_MODEL, CATEGORY),
        of(CLASS_ID, CATEGORY, bits=0),
        of(FLOAT_FEATURES, CATEGORY, bits=0),
    )
    dph = "dph at 256 bits"
    floats = "float features with cosine and classifiers"
    return {
        "category-map": Target("category mAP", of(PLUS, CATEGORY), 0.79),
        "category-map-margin": Target(
            "category mAP minus that of the best category method",
            of(PLUS, CATEGORY),
            -0.005,
            category_methods,
        ),
        "attribute-map": Target("attribute mAP", of(PLUS, ATTRIBUTE), 0.45),
        "attribute-map-margin": Target(
            "attribute mAP minus that of CNN-attribute's real values",
            of(PLUS, ATTRIBUTE),
            -0.005,
            (of(ATTRIBUTE_MODEL, REAL + ATTRIBUTE, bits=0),),
        ),
        "combined-recall-at-5": Target(
            "combined recall at 5, asked in the best way", of(PLUS, *best_way), 0.21
        ),
        "combined-recall-at-5-margin": Target(
            "combined recall at 5 minus Multiple-model's, each asked in its best way",
            of(PLUS, *best_way),
            0.05,
            (of(MULTIPLE_MODEL, *best_way),),
        ),
        "combined-recall-at-5-filter": Target(
            "combined recall at 5 by the paper's filter", of(PLUS, FILTER + RECALL_5), 0.14
        ),
        "combined-recall-at-100": Target(
            "combined recall at 100, asked in the best way",
            of(PLUS, FILTER + RECALL_100, POSTERIOR + RECALL_100),
            0.74,
        ),
        **{
            f"64-bits-{name}-margin": Target(
                f"{words} of dph+ at 64 bits minus that of {dph}",
                of(PLUS, *figures, bits=64),
                0.0,
                (of("dph", *figures),),
            )
            for name, (words, figures) in tasks.items()
        },
        **{
            f"float-features-{name}-margin": Target(
                f"{words} minus that of {floats}",
                of(PLUS, *figures),
                0.0,
                (of(FLOAT_FEATURES, *figures, bits=0),),
            )
            for name, (words, figures) in tasks.items()
        },
        "float-features-storage": Target(
            f"storage divided by that of {floats}",
            of(PLUS, "bits"),
            0.01,
            (of(FLOAT_FEATURES, "bits", bits=0),),
            divided=True,
            bound="most",
        ),
        "unseen-map": Target(
            "category mAP among unseen categories",
            of(PLUS, "unseen_map", "all_bits_unseen_map", held_out=plan.held_out),
            0.842,
        ),
        "unseen-map-margin": Target(
            "category mAP among unseen categories minus that of ITQ on the same features",
            of(PLUS, "unseen_map", "all_bits_unseen_map", held_out=plan.held_out),
            0.0,
            (of("itq", "unseen_map", held_out=plan.held_out),),
        ),
        "attribute-calibration-error": Target(
            "expected calibration error of attributes",
            of(PLUS, CALIBRATION_ERROR),
            0.02,
            bound="most",
        ),
        "precision-at-least": Target(
            "share that is right with --precision 0.9, at least", of(PLUS, PRECISION), 0.87
        ),
        "precision-at-most": Target(
            "share that is right with --precision 0.9, at most",
            of(PLUS, PRECISION),
            0.93,
            bound="most",
        ),
        "seconds": Target(
            "seconds of learning divided by those of the plain head",
            of(PLUS, SECONDS),
            1.5,
            (of("dph", SECONDS),),
            divided=True,
            bound="most",
        ),
    }


def compared_figures(plan: GridPlan) -> dict[Cell, frozenset[str]]:
    """Returns the figures of each cell whose draws are saved for the targets."""
    compared: dict[Cell, frozenset[str]] = {}
    if plan.catalogue != TARGETED:
        return compared
    for target in targets(plan).values():
        for measured in () if target.divided else (target.ours, *target.rivals):
            for cell in measured.cells:
                compared[cell] = compared.get(cell, frozenset()) | set(measured.figures)
    return compared


def check_target(target: Target, results: Mapping[str, Result]) -> TargetResult:
    """Compares a target with results by cell name."""
    read = _values if target.divided else mean_draws
    ours = _best(target.ours, results, read)
    rivals = [_best(rival, results, read) for rival in target.rivals]
    known = [rival for rival in rivals if rival is not None]
    if ours is None or len(known) < len(rivals):
        return TargetResult(measured=None, target=target.target)
    low: float | None = None
    high: float | None = None
    if target.divided:
        measured = float(ours[0] / known[0][0])
    elif known:
        measured, low, high = compare_draws(ours, max(known, key=lambda each: float(each[0])))
    else:
        found = MetricValue.of(ours)
        measured, low, high = float(ours[0]), found.low, found.high
    reached = measured >= target.target if target.bound == "least" else measured <= target.target
    return TargetResult(measured=measured, target=target.target, low=low, high=high, holds=reached)


Read = Callable[[tuple[Cell, ...], str, Mapping[str, Result]], NDArray[np.float64] | None]


def _best(
    measured: Measured, results: Mapping[str, Result], read: Read
) -> NDArray[np.float64] | None:
    """Returns the figure with the largest mean, and its draws; None if none was measured."""
    found = [read(measured.cells, figure, results) for figure in measured.figures]
    known = [each for each in found if each is not None]
    return max(known, key=lambda each: float(each[0])) if known else None


def _values(
    shown: tuple[Cell, ...], figure: str, results: Mapping[str, Result]
) -> NDArray[np.float64] | None:
    """Returns the mean of a figure without draws, (1,); None if a cell is missing."""
    found = [
        results[cell.name].figures[figure].value
        for cell in shown
        if cell.name in results and figure in results[cell.name].figures
    ]
    values = [value for value in found if value is not None]
    return np.array([fmean(values)]) if len(values) == len(shown) else None
