"""Writes the report beyond the paper from the results alone: targets, tables, figures and prose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dualhash.files import write_whole
from reproduction import markdown_tables
from reproduction.beyond.exhibits import DIAGRAMS, exhibits
from reproduction.beyond.plans import PLANS, parts_of
from reproduction.beyond.targets import TARGETED, Target, TargetResult, check_target, targets
from reproduction.current_results import made_from
from reproduction.grid_cell import Cell, Result
from reproduction.grid_plan import GridPlan
from reproduction.paper_exhibits import cells_of
from reproduction.result_store import ResultStore
from reproduction.table_definition import Picture
from reproduction.table_values import table_of
from reproduction.write_report import check_drawing, read_findings, save_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = "beyond"
"""Folder of figures, beside the report."""


def write_report(results: Path, out: Path) -> int:
    """Writes `beyond.md`, `beyond.json` and the figures in `beyond/` into a folder.

    Args:
        results: Folder with a folder of results for each catalogue. Prose is read from
            `findings/NAME.md` in it.
        out: Folder of the report.

    Returns:
        The number of cells that were not yet measured.

    Raises:
        DualhashError: matplotlib is not installed, or a file cannot be read or written.
    """
    check_drawing()
    found = {
        name: consistent(plan, ResultStore(results / name).read()) for name, plan in PLANS.items()
    }
    text, content, figures = report(found, read_findings(results))
    save_figures(figures, out / FIGURES)
    write_whole(out / "beyond.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    write_whole(out / "beyond.md", text)
    return len(content["missing"])


def consistent(plan: GridPlan, results: Mapping[str, Result]) -> dict[str, Result]:
    """Returns the results of a plan that were made from the models of its parts' results."""
    return {
        cell.name: results[cell.name]
        for cell in _cells(plan)
        if cell.name in results
        and all(
            part.name not in results or made_from(results[cell.name], part, results)
            for part in parts_of(cell, plan)
        )
    }


def report(
    results: Mapping[str, Mapping[str, Result]], findings: Mapping[str, str]
) -> tuple[str, dict[str, Any], dict[str, Figure]]:
    """Returns the report as Markdown and as data, and its figures by file name.

    Args:
        results: By catalogue and by name of the cell.
        findings: Prose by the name of a table or figure, and "introduction".
    """
    from reproduction import report_plots

    checked = {
        name: (target, check_target(target, results[TARGETED]))
        for name, target in targets().items()
    }
    spent = sum(
        sum(result.seconds.values()) for every in results.values() for result in every.values()
    )
    parts = [_opening(checked, spent, findings.get("introduction", ""))]
    drawn: dict[str, Figure] = {}
    tables: dict[str, Any] = {}
    missing: list[str] = []
    for catalogue, plan in PLANS.items():
        for name, exhibit in exhibits(plan).items():
            parts.append(f"## {catalogue}: {exhibit.title}\n")
            if isinstance(exhibit, Picture):
                kept = results[catalogue].get(exhibit.cell.name)
                if kept is not None and kept.extras.get(exhibit.extra):
                    lines = {DIAGRAMS[line]: kept.extras[exhibit.extra][line] for line in DIAGRAMS}
                    drawn[f"{name}.png"] = report_plots.plot_reliability(lines)
                else:
                    parts.append(f"Not yet measured: {exhibit.cell.name}.\n")
            else:
                table = table_of(exhibit, results[catalogue])
                tables[name] = table.model_dump(mode="json")
                parts.append(markdown_tables.numbers(exhibit, table))
                if exhibit.drawn and any(any(row) for row in table.rows.values()):
                    drawn[f"{name}.png"] = report_plots.plot_table(exhibit, table)
            if f"{name}.png" in drawn:
                parts.append(f"![{exhibit.title}]({FIGURES}/{name}.png)\n")
            parts += [f"{exhibit.note}\n"] if exhibit.note else []
            parts += [findings[name]] if name in findings else []
        missing += [
            f"{catalogue}/{cell.name}"
            for cell in _cells(plan)
            if cell.name not in results[catalogue]
        ]
    if missing:
        listed = "\n".join(f"- {name}" for name in missing)
        parts.append(f"## Not yet measured\n\n{len(missing)} cells have no result:\n\n{listed}\n")
    content = {
        "targets": {name: each.model_dump(mode="json") for name, (_, each) in checked.items()},
        "seconds": round(spent),
        "tables": tables,
        "missing": missing,
    }
    return "\n".join(parts), content, drawn


def _cells(plan: GridPlan) -> list[Cell]:
    """Returns the cells that a report shows, and their parts."""
    shown = cells_of(exhibits(plan))
    return list(dict.fromkeys([*(part for cell in shown for part in parts_of(cell, plan)), *shown]))


def _opening(
    checked: Mapping[str, tuple[Target, TargetResult]], spent: float, introduction: str
) -> str:
    rows = []
    for target, found in checked.values():
        interval = "" if found.low is None else f"{found.low:.4f} to {found.high:.4f}"
        rows.append(
            [
                target.words,
                f"{'at least' if target.bound == 'least' else 'at most'} {target.target:g}",
                "not yet measured" if found.measured is None else f"{found.measured:.4f}",
                interval,
                {True: "yes", False: "no", None: ""}[found.holds],
            ]
        )
    return (
        "# Beyond the paper: dph+ and specialists on the same features\n\n"
        "Written by `python -m reproduction report beyond` from the files in "
        "`benchmarks/results/beyond/`; edit those files, not this page. "
        "[The paper's experiments](results.md) are reported apart.\n\n"
        "All methods learn from the same kept features of a frozen network. Numbers are means over "
        "seeds on the test images, leave-one-out, protocol `ijcv2020` ([evaluation](evaluation.md))"
        ". Small print: 95 % bootstrap intervals over queries, whose ends are means over seeds, "
        "and the numbers of each seed. The interval of a difference is that of paired draws of the "
        "queries; it does not include the variation over seeds. A combined search is asked by the "
        "paper's filter, or by posterior, whichever is named. Trainings and evaluations took "
        f"{spent / 3600:.1f} hours.\n\n"
        f"{introduction}\n"
        "## Targets of dph+ on fashion, 256 bits unless named\n\n"
        + markdown_tables.grid(["target", "number", "measured", "95 %", "reached"], rows)
    )
