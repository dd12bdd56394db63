"""Writes the report: tables, figures and prose about the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dualhash.analysis.bit_functionality import BitFunctionality
from dualhash.analysis.correlation import Correlation
from dualhash.analysis.plots import draw_alignment, draw_bits, save
from dualhash.errors import DualhashError
from dualhash.files import write_whole
from reproduction import markdown_tables
from reproduction.current_results import consistent
from reproduction.grid_cell import Result
from reproduction.grid_plan import GridPlan
from reproduction.paper_claims import ClaimResult, check_claim, claims
from reproduction.paper_exhibits import cells_of, exhibits
from reproduction.printed_tables import printed
from reproduction.required_figures import required_figures
from reproduction.result_store import ResultStore
from reproduction.retrieval_examples import RetrievalSheet
from reproduction.table_definition import Exhibit, Picture
from reproduction.table_values import table_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reproduction.report_plots import FindImage

FINDINGS, FIGURES = "findings", "results"
"""Folders: of the prose, beside the results, and of figures, beside the report."""

NO_QUERIES = "The catalogue is too small: no test image can be a query here.\n"

NOT_WRITTEN = "*There is no text on this yet.*\n"


def report(
    plan: GridPlan, results: Mapping[str, Result], findings: Mapping[str, str]
) -> tuple[str, dict[str, Any], dict[str, Figure]]:
    """Returns the report as Markdown and as data, and its figures by file name.

    Args:
        plan: Of the catalogue.
        results: By name of their cell. Results that contradict others (see `consistent`) are shown
            as missing.
        findings: Prose by the name of a table or figure, and "introduction".

    Raises:
        DualhashError: matplotlib is not installed.
    """
    check_drawing()
    shown = exhibits(plan)
    spent = sum(sum(result.seconds.values()) for result in results.values())
    results = consistent(cells_of(shown), plan, results)
    claimed = {name: check_claim(claim, results) for name, claim in claims(plan).items()}
    parts = [_opening(plan, results, claimed, spent, findings.get("introduction", ""))]
    drawn: dict[str, Figure] = {}
    tables: dict[str, Any] = {}
    for name, exhibit in shown.items():
        numbers, tables[name] = _numbers(exhibit, results)
        parts += [f"## {heading(name)}: {exhibit.title}\n", numbers]
        figure = _figure(name, exhibit, results)
        if figure is not None:
            drawn[f"{name}.png"] = figure
            parts.append(f"![{exhibit.title}]({FIGURES}/{name}.png)\n")
        parts += [f"{exhibit.note}\n"] if exhibit.note else []
        parts.append(findings.get(name, NOT_WRITTEN))
        parts += [markdown_tables.as_printed(table) for table in printed().get(name, ())]
    missing = [
        cell.name
        for cell, required in required_figures(plan).items()
        if cell.name not in results or not required.met_by(results[cell.name])
    ]
    parts += _closing(missing)
    data = {
        "catalogue": plan.catalogue,
        "seconds": round(spent),
        "tables": tables,
        "claims": {name: verdict.model_dump(mode="json") for name, verdict in claimed.items()},
        "missing": missing,
    }
    return "\n".join(parts), data, drawn


def write_report(plan: GridPlan, store: ResultStore, out: Path) -> int:
    """Writes `results.md`, `results.json` and the figures in `results/` into a folder.

    The prose is read from `findings/<name>.md` beside the results.

    Returns:
        The number of missing cells.

    Raises:
        DualhashError: There are no results, matplotlib is not installed, or the folder cannot be
            written.
    """
    results = _results(store)
    text, content, figures = report(plan, results, read_findings(store.folder))
    save_figures(figures, out / FIGURES)
    write_whole(out / "results.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    write_whole(out / "results.md", text)
    return len(content["missing"])


def draw_sheets(plan: GridPlan, store: ResultStore, out: Path, find: FindImage) -> None:
    """Draws the finished example retrievals with photos into a folder.

    Args:
        plan: Of the catalogue.
        store: Of the results.
        out: The folder.
        find: Returns the file of an image by its name.
    """
    check_drawing()
    results, figures = _results(store), {}
    for name, exhibit in exhibits(plan).items():
        if isinstance(exhibit, Picture) and exhibit.extra.endswith("_sheet"):
            figure = _figure(name, exhibit, results, find)
            if figure is not None:
                figures[f"{name}.png"] = figure
    save_figures(figures, out)


def heading(name: str) -> str:
    """Returns the heading of a table or figure, such as "Table 1" for `table-1`."""
    kind, _, number = name.partition("-")
    return f"{kind.capitalize()} {number}" if number.isdigit() else "Not in the paper"


def _opening(
    plan: GridPlan,
    results: Mapping[str, Result],
    claimed: Mapping[str, ClaimResult],
    spent: float,
    introduction: str,
) -> str:
    data = {result.hashes["data"][:12] for result in results.values() if "data" in result.hashes}
    return (
        f"# The paper's experiments on {plan.catalogue}\n\n"
        'The paper is Liu, Wang, Shan and Chen, "Learning Multifunctional Binary Codes for '
        'Personalized Image Retrieval", International Journal of Computer Vision, 2020. '
        "Written by `python -m reproduction report` from the files in "
        f"`benchmarks/results/paper/{plan.catalogue}/`; edit those files, not this page. "
        "[Beyond the paper](beyond.md) has the experiments with dph+.\n\n"
        "Cat. is category mAP, Attr. attribute mAP, Com. combined recall at 5, avg HM the accuracy "
        "of attribute predictions (`docs/evaluation.md`). B are the training images with "
        "both kinds of label, A those with attributes, C those with a category. "
        "Numbers are means over seeds on the test images, leave-one-out, protocol `ijcv2020`. "
        "Small print: 95 % bootstrap intervals over queries, whose ends are means over seeds, and "
        "the numbers of each seed. "
        f"Hash of the labels: {', '.join(sorted(data)) or markdown_tables.MISSING}. All trainings "
        f"and evaluations took {spent / 3600:.1f} hours.\n\n"
        f"{introduction}\n"
        "## Claims\n\n"
        "A margin is DPH's mean over seeds minus that of the other method, with the 95 % interval "
        "over draws of the same queries for both. The interval does not include the variation over "
        "seeds; the tables show the numbers of each seed.\n\n"
        f"{markdown_tables.verdicts(claimed)}"
    )


def _closing(missing: list[str]) -> list[str]:
    if not missing:
        return []
    listed = "\n".join(f"- {name}" for name in missing)
    return [f"## Missing\n\n{len(missing)} cells are not finished or lack a figure:\n\n{listed}\n"]


def _numbers(exhibit: Exhibit | Picture, results: Mapping[str, Result]) -> tuple[str, Any]:
    """Returns the numbers of a table or figure as Markdown and as data."""
    if isinstance(exhibit, Exhibit):
        table = table_of(exhibit, results)
        return markdown_tables.numbers(exhibit, table), table.model_dump(mode="json")
    kept = _kept(exhibit, results)
    if kept is None:
        return f"{markdown_tables.MISSING}: {exhibit.cell.name}\n", None
    if exhibit.extra != "bits":
        return ("" if kept.get("retrievals", True) else NO_QUERIES), {"title": exhibit.title}
    functionality = BitFunctionality.model_validate(kept)
    correlation: Correlation = getattr(functionality, exhibit.figure)
    return markdown_tables.correlation(correlation), {
        "title": exhibit.title,
        "correlation": correlation.model_dump(mode="json"),
    }


def _figure(
    name: str,
    exhibit: Exhibit | Picture,
    results: Mapping[str, Result],
    find: FindImage = lambda _: None,
) -> Figure | None:
    """Returns the drawing of a table or figure; None if there is none or its data are missing."""
    from reproduction import report_plots

    if isinstance(exhibit, Exhibit):
        return (
            report_plots.plot_table(exhibit, table_of(exhibit, results)) if exhibit.drawn else None
        )
    kept = _kept(exhibit, results)
    if kept is None:
        return None
    if exhibit.extra == "histogram":
        return report_plots.plot_histogram(kept["counts"])
    if exhibit.extra == "bits":
        drawing = draw_bits if name == "figure-10" else draw_alignment
        return drawing(BitFunctionality.model_validate(kept))
    sheet = RetrievalSheet.model_validate(kept)
    return report_plots.plot_sheet(sheet, find) if sheet.retrievals else None


def _kept(picture: Picture, results: Mapping[str, Result]) -> Any:  # noqa: ANN401
    """Returns the data that a picture is drawn from; None if they are missing."""
    result = results.get(picture.cell.name)
    return None if result is None else result.extras.get(picture.extra)


def _results(store: ResultStore) -> dict[str, Result]:
    results = store.read()
    if not results:
        raise DualhashError(
            f"{store.folder} holds no results: run `python -m reproduction run paper` first."
        )
    return results


def read_findings(folder: Path) -> dict[str, str]:
    """Returns the prose in `folder/findings` by the name of what it is about."""
    return {
        path.stem: path.read_text(encoding="utf-8")
        for path in sorted((folder / FINDINGS).glob("*.md"))
    }


def save_figures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Saves figures by file name."""
    for name, figure in figures.items():
        save(figure, folder / name)


def check_drawing() -> None:
    """Refuses to start if drawing is not possible.

    Raises:
        DualhashError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise DualhashError(
            "Drawing needs the package matplotlib: pip install 'dualhash[analysis]'."
        )
