"""Steps of the benchmark: each result is kept as a file, and a kept step does not run again."""

import json
import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from dualhash.files import write_whole

PACKAGES = ("numpy", "numba", "onnxruntime", "timm", "torch")

Figures = dict[str, Any]
Results = Mapping[str, Figures]
"""The figures of the steps that have run, by the name of the step."""


@dataclass(frozen=True)
class Step:
    """A measurement.

    Attributes:
        part: The part that it belongs to.
        name: Its own name, which begins with that of the part.
        minutes: About how long it takes on two cores.
        measure: Returns its figures, given those of the steps that have run.
        on_request: Runs only if it is named.
    """

    part: str
    name: str
    minutes: float
    measure: Callable[[Results], Figures]
    on_request: bool = False

    def is_named(self, names: Collection[str]) -> bool:
        """Whether the step or its part is among the names."""
        return self.name in names or self.part in names


def run_steps(
    steps: Sequence[Step], results: Path, work: Path, only: Collection[str], again: Collection[str]
) -> dict[str, Figures]:
    """Runs the chosen steps that have no result yet, and returns all results by step.

    Args:
        steps: All steps, in order.
        results: Folder of the results, one JSON file per step.
        work: Folder in which a step keeps its files under its own name.
        only: Steps or parts to run; empty for all that do not wait for a request.
        again: Steps or parts whose results and files are removed first; they are run too.
    """
    for step in steps:
        if step.is_named(again):
            (results / f"{step.name}.json").unlink(missing_ok=True)
            for left in work.glob(f"{step.name}*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    kept = {
        step.name: json.loads(file.read_text(encoding="utf-8"))
        for step in steps
        if (file := results / f"{step.name}.json").exists()
    }
    named = {*only, *again}
    waiting = [
        step
        for step in steps
        if step.name not in kept and (step.is_named(named) if named else not step.on_request)
    ]
    for number, step in enumerate(waiting, 1):
        minutes = sum(each.minutes for each in waiting[number - 1 :])
        print(
            f"[{number} of {len(waiting)}] {step.name}: about {step.minutes:g} minutes; "
            f"{minutes:g} minutes to the end",
            flush=True,
        )
        start = time.perf_counter()
        figures = step.measure(kept)
        kept[step.name] = {
            **figures,
            "took_seconds": round(time.perf_counter() - start, 1),
            "machine": machine(PACKAGES),
        }
        write_whole(results / f"{step.name}.json", json.dumps(kept[step.name], indent=2) + "\n")
    return {step.name: kept[step.name] for step in steps if step.name in kept}
