"""`python -m reproduction`: trains and evaluates the models of the paper, and writes the report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cyclopts import App

from dualhash.cli import output
from dualhash.cli.app import exit_code
from dualhash.cli.options import Flag, Names
from dualhash.errors import DualhashError

if TYPE_CHECKING:
    from dualhash.catalogue.catalogue import Catalogue
    from reproduction.grid_plan import GridPlan
    from reproduction.run_grid import ScheduledCell

app = App(
    name="python -m reproduction",
    help="Reproduce the tables and figures of the paper on a catalogue.",
    result_action="return_value",
)

Experiment = Literal["paper", "beyond"]

RESULTS, DOCS = Path("benchmarks/results/paper"), Path("docs")
BUILD, QUICK_BUILD = Path("build/paper"), Path("build/paper-quick")
BEYOND_RESULTS, BEYOND_WORK = Path("benchmarks/results/beyond"), Path("build/beyond/work")


@app.command
def run(
    experiment: Experiment,
    /,
    *,
    catalogue: str | None = None,
    data: Path,
    only: Names = (),
    seed: int | None = None,
    quick: Flag = False,
    dry_run: Flag = False,
    json: Flag = False,
    results: Path | None = None,
    work: Path | None = None,
) -> None:
    """Train and evaluate what is missing for the tables and figures. Stop and continue at any time.

    A cell is one training or fit. Each finished cell is saved at once as a small JSON file. If the
    command is stopped, run it again: it continues, also within a training. A cell is trained again
    if its settings or labels have changed, or if its result has no figure that a table needs. If
    the models that it starts from were deleted, they are trained again. --dry-run lists all of
    this.

    Args:
        experiment: paper, section 4 of Liu et al. 2020; or beyond, the recipe dph+ and specialists
            on the same features, on all its catalogues.
        catalogue: For paper: fashion, imagenet150k, cfw60k or sun120k.
        data: The folder of the catalogue's files; for beyond the folder that holds the folders
            fashion and fashion-photos.
        only: Tables and figures, such as table-4,figure-12; all by default. For beyond also cells,
            and what a name begins with, such as ladder-256,dph+-64.
        seed: For beyond: only cells of this seed.
        quick: For paper: a small version that checks in minutes that everything works, with fewer
            images, batches and bits. Its results are stored separately.
        dry_run: Only list the cells, the tables they belong to, and how long they take.
        json: With --dry-run: print JSON.
        results: Folder of the JSON files (default benchmarks/results/paper/CATALOGUE, or
            benchmarks/results/beyond).
        work: Folder of unfinished trainings and of models still needed (default build/EXPERIMENT).
    """
    if experiment == "beyond":
        _run_beyond(
            data=data,
            only=only,
            seed=seed,
            dry_run=dry_run,
            json=json,
            results=results,
            work=work,
        )
        return
    if catalogue is None:
        raise DualhashError("Name the catalogue of the paper's experiments with --catalogue.")
    from dualhash.progress import Display
    from reproduction.cell_runner import CellRunner
    from reproduction.grid_plan import plan_for
    from reproduction.paper_exhibits import cells_of, chosen_exhibits, exhibits
    from reproduction.result_store import ResultStore
    from reproduction.run_grid import run as finish
    from reproduction.run_grid import schedule

    plan = plan_for(catalogue, quick=quick)
    shown = chosen_exhibits(plan, only)
    build = QUICK_BUILD if quick else BUILD
    store = ResultStore(results or (build / "results" if quick else RESULTS) / catalogue)
    work = work or build / "work" / catalogue
    runner = CellRunner(plan, _read(plan, data), Display(), output.stages)
    cells = cells_of(shown)
    if dry_run:
        feeds = {
            cell.name: [name for name, exhibit in shown.items() if cell in exhibit.cells()]
            for cell in cells
        }
        steps = schedule(cells, runner, store, work)
        _list([(step, feeds.get(step.cell.name, [])) for step in steps], json=json)
        return
    finish(cells, runner, store, work, whole=cells_of(exhibits(plan)), notify=output.note)
    output.say(f"All cells of {', '.join(shown)} are finished, in {store.folder}.")


def _run_beyond(
    *,
    data: Path,
    only: Names,
    seed: int | None,
    dry_run: bool,
    json: bool,
    results: Path | None,
    work: Path | None,
) -> None:
    from reproduction.beyond.run_beyond import BeyondGrid

    folder = results or BEYOND_RESULTS
    grid = BeyondGrid(data, folder, work or BEYOND_WORK, only, seed)
    if dry_run:
        _list(grid.schedule(), json=json)
        return
    grid.run()
    output.say(f"All these cells are finished, in {folder}.")


@app.command
def report(
    experiment: Experiment = "paper",
    /,
    *,
    catalogue: str = "fashion",
    results: Path | None = None,
    out: Path = DOCS,
    data: Path | None = None,
    quick: Flag = False,
) -> None:
    """Write the report of finished experiments: OUT/results.md, its figures, OUT/results.json.

    It needs only the JSON files of the results. Missing results are shown as missing.

    For beyond, the files are beyond.md and beyond.json.

    Args:
        experiment: paper or beyond.
        catalogue: For paper: fashion, imagenet150k, cfw60k or sun120k.
        results: Folder of the JSON files (default benchmarks/results/paper/CATALOGUE, or
            benchmarks/results/beyond).
        out: Folder of the report.
        data: The folder of the catalogue's files. If given, the examples of figures 13 and 15 are
            also drawn with photos, into build/paper/sheets.
        quick: Report the small version, into build/paper-quick.
    """
    if experiment == "beyond":
        from reproduction.beyond import report as beyond

        missing = beyond.write_report(results or BEYOND_RESULTS, out)
        output.say(f"Written to {out / 'beyond.md'}; {missing} cells are not yet measured.")
        return
    from reproduction.grid_plan import plan_for
    from reproduction.result_store import ResultStore
    from reproduction.write_report import draw_sheets, write_report

    plan = plan_for(catalogue, quick=quick)
    build = QUICK_BUILD if quick else BUILD
    out = build if quick and out == DOCS else out
    store = ResultStore(results or (build / "results" if quick else RESULTS) / catalogue)
    missing = write_report(plan, store, out)
    output.say(f"Written to {out / 'results.md'}; {missing} cells are missing.")
    if data is not None:
        read = _read(plan, data)
        photos = dict(zip(read.references, read.images, strict=True))
        draw_sheets(plan, store, build / "sheets", photos.get)
        output.say(f"The examples with photos are in {build / 'sheets'}.")


def _read(plan: GridPlan, data: Path) -> Catalogue:
    from dualhash.catalogue.catalogue import Catalogue

    catalogue = Catalogue.read(f"{plan.catalogue}:{data}")
    output.list_left_out(catalogue.left_out)
    return catalogue


def _list(steps: Sequence[tuple[ScheduledCell, Sequence[str]]], *, json: bool) -> None:
    """Lists finished and missing cells, each with what it is for, and their times."""
    if json:
        rows = [
            {"cell": step.cell.name, "due": step.due, "seconds": step.seconds, "feeds": feeds}
            for step, feeds in steps
        ]
        output.print_json(rows)
        return
    cells = [
        (
            *(step.cell.name, ", ".join(feeds) or "other cells"),
            *(_time(step.seconds), "" if step.due else "finished"),
        )
        for step, feeds in steps
    ]
    output.show(output.table("Cells", ["cell", "feeds", ">takes about", ""], cells))
    due = [step for step, _ in steps if step.due]
    known = [step.seconds for step in due if step.seconds is not None]
    takes = _time(sum(known)) if len(known) == len(due) else "not known yet"
    output.say(f"{len(due)} of {len(steps)} cells are left; time: {takes}")


def _time(seconds: float | None) -> str:
    return "" if seconds is None else str(timedelta(seconds=round(seconds)))


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits with the exit codes of `dualhash`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(exit_code(lambda: app(arguments, print_error=False, exit_on_error=False)))


if __name__ == "__main__":
    main()
