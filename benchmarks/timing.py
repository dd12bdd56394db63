"""Times compared functions in turns, so that all run under the same conditions."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

REST = 0.02
"""Seconds of rest before each run, in which waiting threads go to sleep."""

SHORT = 0.2
"""A function that takes fewer seconds also runs untimed just before, to wake all processors."""

Things = Mapping[str, Callable[[], object]]


def in_turns(things: Things, repeats: int) -> dict[str, float]:
    """Returns the median time of each function in seconds, by name.

    Each runs once before the timing. Every second turn is in reverse order, since the previous
    function leaves the processors and their caches in a certain state.
    """
    before = {name: _seconds(thing) for name, thing in things.items()}
    seconds: dict[str, list[float]] = {name: [] for name in things}
    for turn in range(repeats):
        for name, thing in list(things.items())[:: -1 if turn % 2 else 1]:
            time.sleep(REST)
            if before[name] < SHORT:
                thing()
            seconds[name].append(_seconds(thing))
    return {name: statistics.median(each) for name, each in seconds.items()}


def _seconds(thing: Callable[[], object]) -> float:
    start = time.perf_counter()
    thing()
    return time.perf_counter() - start


@dataclass
class Report:
    """The measurements.

    Attributes:
        repeats: How often each function is timed, after one run before.
        seconds: Medians, by part and by name.
        measured: The figures with targets; if several have one name, the worst.
        kth: Median distance of the 10th and the 100th, by kind and number of codes.
    """

    repeats: int
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    kth: dict[str, list[float]] = field(default_factory=dict)

    def run(self, part: str, things: Things, *, per: int = 1, more: int = 1) -> dict[str, float]:
        """Returns, saves and prints medians of `more` times the repeats, divided by `per`."""
        medians = in_turns(things, more * self.repeats)
        found = {name: each / per for name, each in medians.items()}
        self.keep(part, found)
        return found

    def keep(self, part: str, seconds: dict[str, float]) -> None:
        """Saves and prints medians."""
        self.seconds[part] = seconds
        for name, each in seconds.items():
            print(f"{part:60} {name:26} {1000 * each:10.2f} ms", flush=True)

    def note(self, name: str, figure: float) -> None:
        """Saves a figure with a target; the smallest of each name counts."""
        self.measured[name] = min(figure, self.measured.get(name, figure))
