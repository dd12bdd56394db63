"""Trains what is missing, keeps each finished cell at once, and says how long the rest takes."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from dualhash.errors import DualhashError
from dualhash.files import write_whole
from reproduction.cell import PRETRAINING, Cell, Result
from reproduction.needs import Needs
from reproduction.store import ResultStore, current

ASKED = "asked.json"
"""In the folder of a cell: what it is made by and from."""


class Laboratory(Protocol):
    """Where cells are trained and judged.

    Attributes:
        data: Hash of the labels.
    """

    data: str

    def parts(self, cell: Cell) -> tuple[Cell, ...]:
        """The cells whose models a cell is made from."""

    def trials(self, cell: Cell) -> tuple[Cell, ...]:
        """The cells by whose results its settings are chosen."""

    def needs(self, cell: Cell) -> Needs:
        """What its result must have."""

    def recipe(self, cell: Cell, results: Mapping[str, Result]) -> dict[str, Any] | None:
        """The settings asked for; None while trials are missing."""

    def perform(
        self, cell: Cell, recipe: dict[str, Any], folder: Path, parts: Mapping[Cell, Path]
    ) -> Result:
        """Trains in `folder`, going on where an earlier call was killed, and judges."""


@dataclass(frozen=True)
class Step:
    """A cell in its turn.

    Attributes:
        cell: The cell.
        due: Whether there is anything to do for it.
        seconds: How long that takes, judging by finished cells; None while none is finished.
    """

    cell: Cell
    due: bool
    seconds: float | None


def in_order(cells: Iterable[Cell], lab: Laboratory) -> list[Cell]:
    """The cells with all they need, each once, after its trials and parts."""
    ordered: dict[Cell, None] = {}

    def add(cell: Cell) -> None:
        if cell not in ordered:
            for needed in (*lab.trials(cell), *lab.parts(cell)):
                add(needed)
            ordered[cell] = None

    for cell in cells:
        add(cell)
    return list(ordered)


def agenda(cells: Iterable[Cell], lab: Laboratory, store: ResultStore, work: Path) -> list[Step]:
    """What is done and what is left for some cells, in the order of the work.

    A part whose model is no longer there is due again if a cell that is made from it is.
    """
    results = store.read()
    ordered = in_order(cells, lab)
    due: set[Cell] = set()
    for cell in reversed(ordered):
        lacking = any(cell in lab.parts(other) for other in due) and not _model(work, cell).exists()
        if lacking or not _is_current(cell, lab, results):
            due.add(cell)
    return [Step(cell, cell in due, expected_seconds(cell, results)) for cell in ordered]


def expected_seconds(cell: Cell, results: Mapping[str, Result]) -> float | None:
    """Mean time of the finished cells of its method, or else of all but those of backbones."""
    every = [(result.method, sum(result.seconds.values())) for result in results.values()]
    alike = [seconds for method, seconds in every if method == cell.method]
    others = [seconds for method, seconds in every if method != PRETRAINING]
    return fmean(alike or others) if alike or others else None


def run(
    cells: Sequence[Cell],
    lab: Laboratory,
    store: ResultStore,
    work: Path,
    *,
    whole: Sequence[Cell],
    tell: Callable[[str], None],
) -> None:
    """Finishes every cell that is due; one that fails costs only those that need it.

    Args:
        cells: To be finished.
        lab: Where they are trained.
        store: Of the results.
        work: Folder of models.
        whole: All cells of the grid: models are kept while any of them still needs them.
        tell: Called with a sentence now and then.

    Raises:
        DualhashError: Some cells failed; it says which and why.
    """
    steps = agenda(cells, lab, store, work)
    due = [step.cell for step in steps if step.due]
    tell(f"{len(steps) - len(due)} of {len(steps)} cells are finished.")
    failed: dict[Cell, str] = {}
    for place, cell in enumerate(due):
        if failed.keys() & {*lab.parts(cell), *lab.trials(cell)}:
            failed[cell] = "not begun, for it needs one that failed"
            continue
        results = store.read()
        left = [expected_seconds(other, results) for other in due[place:]]
        tell(f"{cell.name}: {place + 1} of {len(due)}, {_left(left)}")
        recipe = lab.recipe(cell, results)
        assert recipe is not None, "trials come before what is chosen by them"
        folder = work / cell.name
        parts = {part: _model(work, part) for part in lab.parts(cell)}
        hashes = {part.name: results[part.name].hashes for part in parts}
        try:
            _begin(folder, {"recipe": recipe, "data": lab.data, "parts": hashes})
            store.write(lab.perform(cell, recipe, folder, parts))
        except Exception as error:  # whatever it was, hours of other cells may lie ahead
            failed[cell] = str(error) or type(error).__name__
            tell(f"{cell.name} failed: {failed[cell]}")
        _tidy(whole, lab, store, work)
    if failed:
        raise DualhashError(
            "; ".join(f"{cell.name}: {why.rstrip('.')}" for cell, why in failed.items())
            + ". All other cells are kept; the same command tries these again."
        )


def _begin(folder: Path, asked: Mapping[str, Any]) -> None:
    """Makes the folder of a cell, empty unless the same was begun there."""
    note = folder / ASKED
    text = json.dumps(asked, sort_keys=True)
    if not note.is_file() or note.read_text(encoding="utf-8") != text:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_whole(note, text)


def _is_current(cell: Cell, lab: Laboratory, results: Mapping[str, Result]) -> bool:
    """Whether a cell and all that it is made from are finished as the grid has them now."""
    recipe, parts = lab.recipe(cell, results), lab.parts(cell)
    return (
        recipe is not None
        and current(cell, recipe, lab.data, parts, results)
        and lab.needs(cell).met_by(results[cell.name])
        and all(_is_current(part, lab, results) for part in parts)
    )


def _model(work: Path, cell: Cell) -> Path:
    """Where the model of a cell is when it is complete."""
    return work / cell.name / "model"


def _tidy(whole: Sequence[Cell], lab: Laboratory, store: ResultStore, work: Path) -> None:
    """Deletes the models of finished cells that nothing is made from any more.

    Backbones stay: they are small, most cells begin with one, and they take longest.
    """
    steps = agenda(whole, lab, store, work)
    needed = {part for step in steps if step.due for part in lab.parts(step.cell)}
    for step in steps:
        backbone = step.cell.method == PRETRAINING
        if not (step.due or step.cell in needed or backbone):
            shutil.rmtree(work / step.cell.name, ignore_errors=True)


def _left(seconds: Sequence[float | None]) -> str:
    known = [each for each in seconds if each is not None]
    if len(known) < len(seconds):
        return "time left not known yet"
    return f"about {timedelta(seconds=round(sum(known)))} left"
