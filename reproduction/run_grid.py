"""Trains missing cells, saves each as soon as it is finished, and estimates the remaining time."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from dualhash.errors import DualhashError
from dualhash.file_lock import only_one
from dualhash.files import write_whole
from reproduction.current_results import current
from reproduction.grid_cell import PRETRAINING, Cell, Result
from reproduction.required_figures import RequiredFigures
from reproduction.result_store import ResultStore

CELL_INPUTS = "cell-inputs.json"
"""A file in the folder of a cell that names its settings, data and parts."""


class Runner(Protocol):
    """Trains and evaluates cells.

    Attributes:
        data: Hash of the labels.
    """

    data: str

    def parts(self, cell: Cell) -> tuple[Cell, ...]:
        """Returns the cells whose models a cell is made from."""

    def trials(self, cell: Cell) -> tuple[Cell, ...]:
        """Returns the cells whose results choose its settings."""

    def requirements(self, cell: Cell) -> RequiredFigures:
        """Returns what its result must contain."""

    def recipe(self, cell: Cell, results: Mapping[str, Result]) -> dict[str, Any] | None:
        """Returns the requested settings; None while trials are missing."""

    def run(
        self, cell: Cell, recipe: dict[str, Any], folder: Path, parts: Mapping[Cell, Path]
    ) -> Result:
        """Trains in `folder`, continues an interrupted training, and evaluates."""


@dataclass(frozen=True)
class ScheduledCell:
    """A cell in the order of the work.

    Attributes:
        cell: The cell.
        due: Whether it still has to be run.
        seconds: Estimated duration, from finished cells; None if there are none.
    """

    cell: Cell
    due: bool
    seconds: float | None


def dependency_order(cells: Iterable[Cell], runner: Runner) -> list[Cell]:
    """Returns the cells with all that they depend on, each once, after its trials and parts."""
    ordered: dict[Cell, None] = {}

    def add(cell: Cell) -> None:
        if cell not in ordered:
            for needed in (*runner.trials(cell), *runner.parts(cell)):
                add(needed)
            ordered[cell] = None

    for cell in cells:
        add(cell)
    return list(ordered)


def schedule(
    cells: Iterable[Cell], runner: Runner, store: ResultStore, work: Path
) -> list[ScheduledCell]:
    """Returns finished and missing cells in the order of the work.

    A part without a model is due again if a cell that is made from it is due.
    """
    results = store.read()
    ordered = dependency_order(cells, runner)
    due: set[Cell] = set()
    for cell in reversed(ordered):
        missing = (
            any(cell in runner.parts(other) for other in due) and not _model(work, cell).exists()
        )
        if missing or not _is_current(cell, runner, results):
            due.add(cell)
    return [ScheduledCell(cell, cell in due, expected_seconds(cell, results)) for cell in ordered]


def expected_seconds(cell: Cell, results: Mapping[str, Result]) -> float | None:
    """Mean time of the finished cells of its method, or else of all cells except backbones."""
    every = [(result.method, sum(result.seconds.values())) for result in results.values()]
    alike = [seconds for method, seconds in every if method == cell.method]
    others = [seconds for method, seconds in every if method != PRETRAINING]
    return fmean(alike or others) if alike or others else None


def run(
    cells: Sequence[Cell],
    runner: Runner,
    store: ResultStore,
    work: Path,
    *,
    whole: Sequence[Cell],
    notify: Callable[[str], None],
) -> None:
    """Runs every cell that is due. If one fails, only the cells that need it are skipped.

    Several processes may share the results and the folder of models; each cell is run by one.

    Args:
        cells: The cells to finish.
        runner: Trains and evaluates them.
        store: Of the results.
        work: Folder of models.
        whole: All cells of the grid; models are kept while any of these needs them.
        notify: Called with a progress message.

    Raises:
        DualhashError: Some cells failed; the message names them with the reasons.
    """
    steps = schedule(cells, runner, store, work)
    due = [step.cell for step in steps if step.due]
    notify(f"{len(steps) - len(due)} of {len(steps)} cells are finished.")
    failed: dict[Cell, str] = {}
    finished: set[Cell] = set()
    work.mkdir(parents=True, exist_ok=True)
    for patient in (False, True):  # the second round waits for cells that other processes run
        for place, cell in enumerate(due):
            if cell in finished or cell in failed:
                continue
            needed = {*runner.parts(cell), *runner.trials(cell)}
            if failed.keys() & needed:
                failed[cell] = "not started, since it needs a cell that failed"
                continue
            with only_one(work / f"{cell.name}.lock", wait=patient) as free:
                left = {step.cell for step in schedule(cells, runner, store, work) if step.due}
                if cell not in left:
                    finished.add(cell)
                    continue
                if not free or left & needed:
                    continue
                results = store.read()
                seconds = [expected_seconds(other, results) for other in due[place:]]
                notify(f"{cell.name}: {place + 1} of {len(due)}, {_left(seconds)}")
                try:
                    _run_cell(cell, runner, store, work)
                    finished.add(cell)
                except Exception as error:  # hours of others may follow, so any error is noted
                    failed[cell] = str(error) or type(error).__name__
                    notify(f"{cell.name} failed: {failed[cell]}")
            _tidy(whole, runner, store, work)
    for cell in due:
        if cell not in finished:
            failed.setdefault(cell, "not started, since another process left a part unfinished")
    if failed:
        raise DualhashError(
            "; ".join(f"{cell.name}: {why.rstrip('.')}" for cell, why in failed.items())
            + ". All other cells are saved; run the same command to try these again."
        )


def _run_cell(cell: Cell, runner: Runner, store: ResultStore, work: Path) -> None:
    results, folder = store.read(), work / cell.name
    recipe = runner.recipe(cell, results)
    if recipe is None:
        raise DualhashError("trials that choose its settings are not finished")
    parts = {part: _model(work, part) for part in runner.parts(cell)}
    hashes = {part.name: results[part.name].hashes for part in parts}
    _begin(folder, {"recipe": recipe, "data": runner.data, "parts": hashes})
    store.write(runner.run(cell, recipe, folder, parts))


def _begin(folder: Path, origin: Mapping[str, Any]) -> None:
    """Prepares the folder of a cell; it is emptied unless the same cell was started there."""
    saved = folder / CELL_INPUTS
    text = json.dumps(origin, sort_keys=True)
    if not saved.is_file() or saved.read_text(encoding="utf-8") != text:
        shutil.rmtree(folder, ignore_errors=True)
        write_whole(saved, text)


def _is_current(cell: Cell, runner: Runner, results: Mapping[str, Result]) -> bool:
    """Whether a cell and all that it is made from are finished with the current settings."""
    recipe, parts = runner.recipe(cell, results), runner.parts(cell)
    return (
        recipe is not None
        and current(cell, recipe, runner.data, parts, results)
        and runner.requirements(cell).met_by(results[cell.name])
        and all(_is_current(part, runner, results) for part in parts)
    )


def _model(work: Path, cell: Cell) -> Path:
    """The folder of a cell's finished model."""
    return work / cell.name / "model"


def _tidy(whole: Sequence[Cell], runner: Runner, store: ResultStore, work: Path) -> None:
    """Deletes the models of finished cells that no other cell needs any more.

    Backbones are kept: they are small, most cells start from one, and they take longest to train.
    """
    steps = schedule(whole, runner, store, work)
    needed = {part for step in steps if step.due for part in runner.parts(step.cell)}
    for step in steps:
        backbone = step.cell.method == PRETRAINING
        if not (step.due or step.cell in needed or backbone):
            shutil.rmtree(work / step.cell.name, ignore_errors=True)


def _left(seconds: Sequence[float | None]) -> str:
    known = [each for each in seconds if each is not None]
    if len(known) < len(seconds):
        return "remaining time unknown"
    return f"about {timedelta(seconds=round(sum(known)))} left"
