"""Times of things that are compared, taken in turns so that all see the same machine."""

import statistics
import time
from collections.abc import Callable, Mapping

PAUSE = 0.02
"""Seconds of rest before each, in which the idle threads of the one before go to sleep."""


def in_turns(things: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each repeat of each thing, by name; each is run once before."""
    seconds: dict[str, list[float]] = {name: [] for name in things}
    for thing in things.values():
        thing()
    for _ in range(repeats):
        for name, thing in things.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            thing()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def medians(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each."""
    return {name: statistics.median(each) for name, each in seconds.items()}
