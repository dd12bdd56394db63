"""Learning-rate schedules, as what the initial rate is multiplied by at each iteration."""

import math
from collections.abc import Callable

from dualhash.training.config import TrainConfig

Multiplier = Callable[[int], float]

START, END = 1 / 25, 1e-4
"""Where "one-cycle" begins and ends, relative to its peak."""


def multiplier(config: TrainConfig, iterations: int) -> Multiplier:
    """The factor on the learning rates at iteration 0, 1, …, `iterations` - 1.

    - "fixed": 1 (the released code).
    - "step": `step_factor` to the power of the steps passed; the paper's 0.1 every 60,000.
    - "one-cycle": a half cosine from 1/25 up to 1 in the first `warmup_share` of the iterations,
      and another down to 1e-4 at the last (Smith and Topin 2018, without cycled momentum).
    """
    match config.schedule:
        case "fixed":
            return lambda iteration: 1.0
        case "step":
            return lambda iteration: config.step_factor ** (iteration // config.step_every)
        case "one-cycle":
            return _one_cycle(iterations, config.warmup_share)


def _one_cycle(iterations: int, warmup_share: float) -> Multiplier:
    peak = warmup_share * iterations

    def at(iteration: int) -> float:
        if iteration < peak:
            return _half_cosine(START, 1.0, iteration / peak)
        rest = max(iterations - 1 - peak, 1e-9)
        return _half_cosine(1.0, END, min((iteration - peak) / rest, 1.0))

    return at


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
