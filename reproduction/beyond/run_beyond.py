"""Runs the cells beyond the paper, on all catalogues."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dualhash.cli import output
from dualhash.errors import DualhashError
from dualhash.progress import Display
from reproduction.beyond.exhibits import check_names, chosen_cells
from reproduction.beyond.plans import PLANS, TUNED_ON, read_catalogue
from reproduction.beyond.runner import BeyondRunner
from reproduction.grid_cell import Cell
from reproduction.grid_plan import GridPlan
from reproduction.result_store import ResultStore
from reproduction.run_grid import ScheduledCell, run, schedule


@dataclass(frozen=True)
class BeyondGrid:
    """The cells that a user chose, and where their data, results and models are.

    Attributes:
        data: Folder of the catalogues.
        results: Folder of results, with a folder for each catalogue.
        work: Folder of models, likewise.
        only: See `chosen_cells`.
        seed: See `chosen_cells`.
    """

    data: Path
    results: Path
    work: Path
    only: Sequence[str] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuses unknown names."""
        check_names(PLANS.values(), self.only)

    @property
    def chosen(self) -> dict[str, dict[Cell, list[str]]]:
        """The chosen cells by catalogue, each with the tables and figures that show it."""
        every = {name: chosen_cells(plan, self.only, self.seed) for name, plan in PLANS.items()}
        return {name: cells for name, cells in every.items() if cells}

    def schedule(self) -> list[tuple[ScheduledCell, list[str]]]:
        """Returns finished and missing cells in the order of the work, and what shows each."""
        return [
            (step, [f"{name}/{table}" for table in cells.get(step.cell, ())])
            for name, cells in self.chosen.items()
            for step in schedule(
                cells, self._runner(PLANS[name]), self._store(name), self.work / name
            )
        ]

    def run(self) -> None:
        """Finishes the cells of every catalogue; a failure in one does not stop the others.

        Raises:
            DualhashError: Some cells failed; the message names them with the reasons.
        """
        failures = []
        for name, cells in self.chosen.items():
            output.note(f"catalogue {name}")
            try:
                run(
                    list(cells),
                    self._runner(PLANS[name]),
                    self._store(name),
                    self.work / name,
                    whole=list(chosen_cells(PLANS[name])),
                    notify=output.note,
                )
            except DualhashError as error:
                failures.append(f"{name}: {error}")
        if failures:
            raise DualhashError(" ".join(failures))

    def _store(self, name: str) -> ResultStore:
        return ResultStore(self.results / name)

    def _runner(self, plan: GridPlan) -> BeyondRunner:
        catalogue = read_catalogue(plan.catalogue, self.data)
        tuned = self._store(TUNED_ON.catalogue).read
        return BeyondRunner(plan, catalogue, Display(), output.stages, tuned)
