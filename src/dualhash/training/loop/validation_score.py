"""The validation score, by which rounds and models are compared."""

import math

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.evaluate_codes import validation_figures
from dualhash.evaluation.true_labels import TrueLabels


def validation_score(category_map: float, avg_hm: float) -> float:
    """Returns the harmonic mean of category mAP and avg HM, in [0, 1].

    If one of them is NaN, because such labels are missing, it is the other; if both are, 0.
    """
    defined = [figure for figure in (category_map, avg_hm) if not math.isnan(figure)]
    if len(defined) < 2:
        return sum(defined, start=0.0)
    both = category_map + avg_hm
    return 2 * category_map * avg_hm / both if both else 0.0


def validation_report(
    bits: NDArray[np.bool_], probabilities: NDArray[np.floating], labels: TrueLabels
) -> dict[str, float | None]:
    """Returns category mAP, avg HM and their score; None if the labels do not define a figure.

    Args:
        bits: (N, k).
        probabilities: Probabilities of attributes, (N, p) in [0, 1]; p is 0 if the method predicts
            none.
        labels: Labels of the N images.
    """
    category_map, avg_hm = validation_figures(bits, probabilities, labels)
    score = validation_score(category_map, avg_hm)
    figures = {"category_map": category_map, "avg_hm": avg_hm, "score": score}
    return {name: None if math.isnan(value) else value for name, value in figures.items()}
