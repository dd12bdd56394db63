"""The claims that the results are held against, with paired intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dualhash.evaluation.bootstrap import interval
from reproduction.cell import Cell, Result
from reproduction.cells import usual
from reproduction.exhibit import DEPTHS
from reproduction.plan import GridPlan


@dataclass(frozen=True)
class Claim:
    """One method is above another, or not far below.

    Attributes:
        words: The claim in plain words.
        figure: That is compared.
        ours: Cells of the one method, a seed each.
        theirs: Cells of the other.
        allowance: How far below is still as claimed; 0 where above is claimed.
    """

    words: str
    figure: str
    ours: tuple[Cell, ...]
    theirs: tuple[Cell, ...]
    allowance: float = 0.0


class Verdict(BaseModel):
    """A claim held against the results.

    Attributes:
        words: The claim.
        holds: Whether `margin` is above 0, or, with an allowance, at least its negative; None
            where a cell is missing.
        margin: Figure of ours minus figure of theirs, means over seeds.
        interval: Of the margin, 95 %, over draws of the queries that are the same for both.
        allowance: Of the claim.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: str
    holds: bool | None
    margin: float | None
    interval: tuple[float, float] | None
    allowance: float


def claims(plan: GridPlan) -> dict[str, Claim]:
    """Every claim by name."""
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
    """The figures of each cell whose draws are kept for the claims."""
    compared: dict[Cell, frozenset[str]] = {}
    for claim in claims(plan).values():
        for cell in (*claim.ours, *claim.theirs):
            compared[cell] = compared.get(cell, frozenset()) | {claim.figure}
    return compared


def judge(claim: Claim, results: Mapping[str, Result]) -> Verdict:
    """Holds a claim against results by cell name."""
    ours = _mean(claim.ours, claim.figure, results)
    theirs = _mean(claim.theirs, claim.figure, results)
    if ours is None or theirs is None:
        return Verdict(
            words=claim.words, holds=None, margin=None, interval=None, allowance=claim.allowance
        )
    margin, draws = ours[0] - theirs[0], ours[1:] - theirs[1:]
    return Verdict(
        words=claim.words,
        holds=bool(margin >= -claim.allowance if claim.allowance else margin > 0),
        margin=float(margin),
        interval=interval(draws),
        allowance=claim.allowance,
    )


def _mean(
    cells: tuple[Cell, ...], figure: str, results: Mapping[str, Result]
) -> NDArray[np.float64] | None:
    """The figure and its draws, (1 + B,), mean over cells; None where one is missing."""
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
