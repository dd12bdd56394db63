"""What a card says of validation images."""

import math

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.evaluate_codes import validation_figures
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.training.loop.validation import validation_score


def figures(
    bits: NDArray[np.bool_], probabilities: NDArray[np.floating], labels: TrueLabels
) -> dict[str, float | None]:
    """Category mAP, avg HM and the score of both; None where the labels do not define it.

    Args:
        bits: (N, k).
        probabilities: (N, p) in [0, 1], of attributes; p is 0 for methods that tell none.
        labels: Of the N images.
    """
    category_map, avg_hm = validation_figures(bits, probabilities, *labels)
    found = {
        "category_map": category_map,
        "avg_hm": avg_hm,
        "score": validation_score(category_map, avg_hm),
    }
    return {name: None if math.isnan(value) else value for name, value in found.items()}
