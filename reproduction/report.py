"""`docs/results.md`, its figures and `docs/results.json`, from the results alone."""

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
from dualhash.files import cannot_write, write_whole
from reproduction import markdown
from reproduction.cell import Result
from reproduction.claims import Verdict, claims, judge
from reproduction.consistent import consistent
from reproduction.exhibit import Exhibit, Picture
from reproduction.grid import cells_of, exhibits
from reproduction.needs import needs_by_cell
from reproduction.paper import printed
from reproduction.plan import GridPlan
from reproduction.sheet import Sheet
from reproduction.store import ResultStore
from reproduction.summary import table_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reproduction.draw import FindImage

FINDINGS, FIGURES = "findings", "results"
"""Folders: of prose, beside the results, and of figures, beside the report."""

NO_QUERIES = "The catalogue is too small: no test image can be asked about here.\n"

NOT_WRITTEN = "*Nobody has written yet what this shows.*\n"


def report(
    plan: GridPlan, results: Mapping[str, Result], findings: Mapping[str, str]
) -> tuple[str, dict[str, Any], dict[str, Figure]]:
    """The report as Markdown and as data, and its figures by file name.

    Args:
        plan: Of the catalogue.
        results: By name of their cell; what is missing, or disagrees with other results (see
            `consistent`), is shown as missing.
        findings: Prose by the name of a table or figure, and "introduction".

    Raises:
        DualhashError: matplotlib is not installed.
    """
    _check_drawing()
    shown = exhibits(plan)
    spent = sum(sum(result.seconds.values()) for result in results.values())
    results = consistent(cells_of(shown), plan, results)
    held = {name: judge(claim, results) for name, claim in claims(plan).items()}
    parts = [_opening(plan, results, held, spent, findings.get("introduction", ""))]
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
        parts += [markdown.as_printed(table) for table in printed().get(name, ())]
    missing = [
        cell.name
        for cell, needs in needs_by_cell(plan).items()
        if cell.name not in results or not needs.met_by(results[cell.name])
    ]
    parts += _closing(missing)
    data = {
        "catalogue": plan.catalogue,
        "seconds": round(spent),
        "tables": tables,
        "claims": {name: verdict.model_dump(mode="json") for name, verdict in held.items()},
        "missing": missing,
    }
    return "\n".join(parts), data, drawn


def write_report(plan: GridPlan, store: ResultStore, out: Path) -> int:
    """Writes `results.md`, `results.json` and the figures in `results/` into a folder.

    The prose is read from `findings/<name>.md` beside the results.

    Returns:
        How many cells are missing.

    Raises:
        DualhashError: There are no results, matplotlib is not installed, or the folder cannot be
            written.
    """
    results = _results(store)
    findings = {
        path.stem: path.read_text(encoding="utf-8")
        for path in sorted((store.folder / FINDINGS).glob("*.md"))
    }
    text, content, figures = report(plan, results, findings)
    _save(figures, out / FIGURES)
    try:
        write_whole(out / "results.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        write_whole(out / "results.md", text)
    except OSError as error:
        raise DualhashError(cannot_write(out, error)) from error
    return len(content["missing"])


def draw_sheets(plan: GridPlan, store: ResultStore, out: Path, find: FindImage) -> None:
    """Draws the contact sheets that are finished with their photos into a folder.

    Args:
        plan: Of the catalogue.
        store: Of the results.
        out: The folder.
        find: From the name of an image to its file.
    """
    _check_drawing()
    results, figures = _results(store), {}
    for name, exhibit in exhibits(plan).items():
        if isinstance(exhibit, Picture) and exhibit.extra.endswith("_sheet"):
            figure = _figure(name, exhibit, results, find)
            if figure is not None:
                figures[f"{name}.png"] = figure
    _save(figures, out)


def heading(name: str) -> str:
    """`table-1` as a reader says it."""
    kind, _, number = name.partition("-")
    return f"{kind.capitalize()} {number}" if number.isdigit() else "Not in the paper"


def _opening(
    plan: GridPlan,
    results: Mapping[str, Result],
    held: Mapping[str, Verdict],
    spent: float,
    introduction: str,
) -> str:
    data = {result.hashes["data"][:12] for result in results.values() if "data" in result.hashes}
    return (
        f"# The paper's experiments on {plan.catalogue}\n\n"
        'The paper is Liu, Wang, Shan and Chen, "Learning Multifunctional Binary Codes for '
        'Personalized Image Retrieval", International Journal of Computer Vision, 2020. '
        "Written by `dualhash experiment report` from the files in "
        f"`benchmarks/results/paper/{plan.catalogue}/`; edit those, not this.\n\n"
        "Cat. is category mAP, Attr. attribute mAP, Com. combined recall at 5, avg HM how right "
        "attributes are told (`docs/evaluation.md`). B are training images with both kinds of "
        "label, A with attributes, C with a category. "
        "Numbers are of the test images, leave-one-out, protocol `ijcv2020`, means over seeds. "
        "Small print: 95 % bootstrap intervals over queries, means of their ends over seeds, and "
        "the numbers of the single seeds. "
        f"Labels: {', '.join(sorted(data)) or markdown.MISSING}. All trainings and their judging "
        f"took {spent / 3600:.1f} hours.\n\n"
        f"{introduction}\n"
        "## Claims\n\n"
        "A margin is DPH's mean over seeds minus the other's, with the 95 % interval over draws of "
        "the same queries for both; what another seed changes is not in it, the tables have the "
        "numbers of each seed.\n\n"
        f"{markdown.verdicts(held)}"
    )


def _closing(missing: list[str]) -> list[str]:
    if not missing:
        return []
    listed = "\n".join(f"- {name}" for name in missing)
    return [f"## Missing\n\n{len(missing)} cells are not finished, or lack a figure:\n\n{listed}\n"]


def _numbers(exhibit: Exhibit | Picture, results: Mapping[str, Result]) -> tuple[str, Any]:
    """The numbers of a table or figure, for people and for programs."""
    if isinstance(exhibit, Exhibit):
        table = table_of(exhibit, results)
        return markdown.numbers(exhibit, table), table.model_dump(mode="json")
    kept = _kept(exhibit, results)
    if kept is None:
        return f"{markdown.MISSING}: {exhibit.cell.name}\n", None
    if exhibit.extra != "bits":
        return ("" if kept.get("retrievals", True) else NO_QUERIES), {"title": exhibit.title}
    functionality = BitFunctionality.model_validate(kept)
    correlation: Correlation = getattr(functionality, exhibit.figure)
    return markdown.correlation(correlation), {
        "title": exhibit.title,
        "correlation": correlation.model_dump(mode="json"),
    }


def _figure(
    name: str,
    exhibit: Exhibit | Picture,
    results: Mapping[str, Result],
    find: FindImage = lambda _: None,
) -> Figure | None:
    """What is drawn; None where nothing is, or what it is drawn from is missing."""
    from reproduction import draw

    if isinstance(exhibit, Exhibit):
        return draw.exhibit_figure(exhibit, table_of(exhibit, results)) if exhibit.drawn else None
    kept = _kept(exhibit, results)
    if kept is None:
        return None
    if exhibit.extra == "histogram":
        return draw.histogram_figure(kept["counts"])
    if exhibit.extra == "bits":
        drawing = draw_bits if name == "figure-10" else draw_alignment
        return drawing(BitFunctionality.model_validate(kept))
    sheet = Sheet.model_validate(kept)
    return draw.sheet_figure(sheet, find) if sheet.retrievals else None


def _kept(picture: Picture, results: Mapping[str, Result]) -> Any:  # noqa: ANN401
    """What the cell of a picture keeps for it; None where it is missing."""
    result = results.get(picture.cell.name)
    return None if result is None else result.extras.get(picture.extra)


def _results(store: ResultStore) -> dict[str, Result]:
    results = store.read()
    if not results:
        raise DualhashError(
            f"{store.folder} holds no results: `dualhash experiment run` makes them."
        )
    return results


def _save(figures: Mapping[str, Figure], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            save(figure, folder / name)
    except OSError as error:
        raise DualhashError(cannot_write(folder, error)) from error


def _check_drawing() -> None:
    """Refuses to begin what cannot be drawn."""
    if find_spec("matplotlib") is None:
        raise DualhashError(
            "Drawing needs the package matplotlib: pip install 'dualhash[analysis]'."
        )
