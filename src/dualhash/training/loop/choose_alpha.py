"""The choice of alpha, the weight of the attributes (section 4.1).

The paper trains with alpha = 0, then raises alpha until the category mAP drops significantly, and
keeps the largest value with an acceptable mAP; on its data that is 0.1. Here a drop is significant
when it is more than a given share of the mAP at alpha = 0, and the mAP is that of the validation
images, after trainings that are shorter than the real one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dualhash.errors import DualhashError


@dataclass(frozen=True)
class Trial:
    """One short training.

    Attributes:
        alpha: Its weight of the attributes.
        category_map: mAP on validation images at its end.
        avg_hm: Average harmonic mean of TPR and TNR there.
    """

    alpha: float
    category_map: float
    avg_hm: float


def acceptable(trial: Trial, first: Trial, tolerance: float) -> bool:
    """Whether mAP has dropped from that of `first`, with alpha 0, by at most `tolerance` of it."""
    return trial.category_map >= (1 - tolerance) * first.category_map


def search_alpha(
    run: Callable[[float], Trial], alphas: Sequence[float], tolerance: float
) -> list[Trial]:
    """Runs trials with ascending alpha up to the first that is not acceptable.

    Args:
        run: Trains with an alpha.
        alphas: Ascending, the first 0.
        tolerance: Relative drop of mAP that is accepted, in [0, 1).

    Raises:
        DualhashError: The first trial has no mAP to compare with.
    """
    trials: list[Trial] = []
    for alpha in alphas:
        trials.append(run(alpha))
        if math.isnan(trials[0].category_map):
            raise DualhashError(
                "alpha cannot be chosen, no category has two validation images: state it, such as "
                "--alpha 0.1."
            )
        if not acceptable(trials[-1], trials[0], tolerance):
            break
    return trials


def choose_alpha(trials: Sequence[Trial], tolerance: float) -> float:
    """The largest alpha before mAP drops clearly.

    Args:
        trials: With ascending alpha, the first 0.
        tolerance: Relative drop of mAP that is accepted, in [0, 1).
    """
    chosen = trials[0].alpha
    for trial in trials:
        if not acceptable(trial, trials[0], tolerance):
            break
        chosen = trial.alpha
    return chosen
