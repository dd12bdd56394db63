"""One number from the two validation figures, to compare models with."""

import math


def validation_score(category_map: float, avg_hm: float) -> float:
    """Harmonic mean of category mAP and avg HM, in [0, 1].

    Where one of them is NaN, for lack of such labels, it is the other; where both are, it is 0.
    """
    if math.isnan(category_map) and math.isnan(avg_hm):
        return 0.0
    if math.isnan(category_map) or math.isnan(avg_hm):
        return avg_hm if math.isnan(category_map) else category_map
    both = category_map + avg_hm
    return 2 * category_map * avg_hm / both if both else 0.0
