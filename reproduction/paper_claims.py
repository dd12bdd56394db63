"""The claims of the paper, tested on the results with paired intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dualhash.evaluation.compare import compare_draws
from reproduction.grid_cell import Cell, Result
from reproduction.grid_plan import GridPlan
from reproduction.standard_cells import usual
from reproduction.table_definition import DEPTHS


@dataclass(frozen=True)
class Claim:
    """One method is better than another, or not much worse.

    Attributes:
        words: The claim in words.
        figure: Name of the compared figure.
        ours: Cells of the first method, one for each seed.
        theirs: Cells of the second method.
        allowance: How much worse the first may be; 0 if it must be better.
    """

    words: str
    figure: str
    ours: tuple[Cell, ...]
    theirs: tuple[Cell, ...]
    allowance: float = 0.0


class ClaimResult(BaseModel):
    """Whether a claim holds.

    Attributes:
        words: The claim.
        holds: Whether `margin` is above 0 or, with an allowance, at least its negative; None if a
            cell is missing.
        margin: The first method's figure minus the second's, means over seeds.
        interval: 95 % interval of the margin, over draws of the queries that both share.
        allowance: Of the claim.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: str
    holds: bool | None
    margin: float | None
    interval: tuple[float, float] | None
    allowance: float


def claims(plan: GridPlan) -> dict[str, Claim]:
    """Returns every claim by name."""
    dph = usual("dph", plan)
    near = 0.01
    kinds = [
        ("category-map", "category mAP", "category_map", [("ssdh", "SSDH", near)]),
        (
            "attribute-map",
            "attribute mAP",
            "attribute_map",
            [("svm-binary", "SVM-binary", 0.0), ("cnn-attribute", "CNN-attribute", near)],
        ),
        *(
            (
                f"combined-recall-at-{depth}",
                f"combined recall at {depth}",
                f"combined_recall_at_{depth}",
                [("jlbc", "JLBC", 0.0), ("multiple-model", "Multiple-model", near)],
            )
            for depth in DEPTHS
        ),
    ]
    return {
        f"{name}-{'near' if allowance else 'above'}-{method}": Claim(
            f"DPH is {f'within {allowance} of' if allowance else 'above'} {title}"
            f"{' or above' if allowance else ''} on {words} at {plan.bits} bits",
            figure,
            dph,
            usual(method, plan, 0 if method == "cnn-attribute" else None),
            allowance,
        )
        for name, words, figure, rivals in kinds
        for method, title, allowance in rivals
    }


def compared_figures(plan: GridPlan) -> dict[Cell, frozenset[str]]:
    """Returns the figures of each cell whose draws are saved for the claims."""
    compared: dict[Cell, frozenset[str]] = {}
    for claim in claims(plan).values():
        for cell in (*claim.ours, *claim.theirs):
            compared[cell] = compared.get(cell, frozenset()) | {claim.figure}
    return compared


def check_claim(claim: Claim, results: Mapping[str, Result]) -> ClaimResult:
    """Tests a claim on results by cell name."""
    ours = mean_draws(claim.ours, claim.figure, results)
    theirs = mean_draws(claim.theirs, claim.figure, results)
    if ours is None or theirs is None:
        return ClaimResult(
            words=claim.words, holds=None, margin=None, interval=None, allowance=claim.allowance
        )
    margin, low, high = compare_draws(ours, theirs)
    return ClaimResult(
        words=claim.words,
        holds=margin >= -claim.allowance if claim.allowance else margin > 0,
        margin=margin,
        interval=None if low is None or high is None else (low, high),
        allowance=claim.allowance,
    )


def mean_draws(
    cells: tuple[Cell, ...], figure: str, results: Mapping[str, Result]
) -> NDArray[np.float64] | None:
    """Returns the figure and its draws, (1 + B,), mean over cells; None if one is missing."""
    if any(cell.name not in results for cell in cells):
        return None
    rows = []
    for cell in cells:
        result = results[cell.name]
        value = result.figures[figure].value if figure in result.figures else None
        if value is None or figure not in result.draws:
            return None
        rows.append([value, *result.draws[figure]])
    mean: NDArray[np.float64] = np.mean(rows, axis=0)
    return mean
