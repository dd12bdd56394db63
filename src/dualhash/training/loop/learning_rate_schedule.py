"""Learning-rate schedules: factors on the initial rate at each iteration."""

import math
from collections.abc import Callable

from dualhash.training.config import TrainConfig

START, END = 1 / 25, 1e-4
"""First and last factor of "one-cycle", relative to its peak."""


def multiplier(config: TrainConfig, iterations: int) -> Callable[[int], float]:
    """Returns the factor on the learning rates as a function of iteration 0 to `iterations` - 1.

    - "fixed": 1 (the released code).
    - "step": `step_factor` to the power of the completed steps; the paper has 0.1 every 60,000.
    - "one-cycle": a half cosine from 1/25 to 1 in the first `warmup_share` of the iterations, then
      another to 1e-4 at the last (Smith and Topin 2018, without cycled momentum).
    """
    match config.schedule:
        case "fixed":
            return lambda iteration: 1.0
        case "step":
            return lambda iteration: config.step_factor ** (iteration // config.step_every)
    peak = config.warmup_share * iterations
    rest = max(iterations - 1 - peak, 1e-9)

    def one_cycle(iteration: int) -> float:
        if iteration < peak:
            return _half_cosine(START, 1.0, iteration / peak)
        return _half_cosine(1.0, END, min((iteration - peak) / rest, 1.0))

    return one_cycle


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
