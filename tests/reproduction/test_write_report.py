import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dualhash.errors import DualhashError
from reproduction.paper_exhibits import cells_of, exhibits
from reproduction.required_figures import required_figures
from reproduction.result_store import ResultStore
from reproduction.setting_choice import chosen_settings, nested
from reproduction.standard_cells import usual
from reproduction.table_definition import Entry, Exhibit
from reproduction.table_values import number_of
from reproduction.write_report import draw_sheets, heading, write_report
from tests.reproduction.small_grid import PLAN, extras, figure, result

DPH = usual("dph", PLAN)


def fill(store: ResultStore, *, without: str = "") -> None:
    """Every cell of the grid, each figure a number of its own, but for one method."""
    cells = cells_of(exhibits(PLAN))
    for place, cell in sorted(enumerate(cells), key=lambda each: not each[1].trial):
        figures = {
            entry.figure: figure(0.3 + place / 1000)
            for exhibit in exhibits(PLAN).values()
            if isinstance(exhibit, Exhibit)
            for entries in exhibit.rows.values()
            for entry in entries
            if entry and cell in entry.cells
        }
        if cell.method != without:
            store.write(
                result(
                    cell,
                    nested(chosen_settings(cell, PLAN, store.read()) or {}),
                    figures=figures,
                    draws={name: [figures[name].value] * 3 for name in figures},
                    extras=extras() if cell == DPH[0] else {},
                )
            )


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    store = ResultStore(folder / "in")
    fill(store, without="lsh")
    (store.folder / "findings").mkdir()
    (store.folder / "findings" / "table-1.md").write_text("All four learn.\n")
    assert write_report(PLAN, store, folder / "out") == len(PLAN.category_bits)
    return folder / "out"


def test_the_report_has_every_table_and_figure_and_no_broken_link(written: Path):
    text = (written / "results.md").read_text()
    for name, exhibit in exhibits(PLAN).items():
        assert f"## {heading(name)}: {exhibit.title}" in text
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    assert links.pop(0) == "beyond.md"
    assert len(links) == 8
    assert all((written / link).is_file() for link in links)
    assert {path.name for path in (written / "results").iterdir()} == {
        link.removeprefix("results/") for link in links
    }


def test_missing_results_are_shown_as_missing(written: Path):
    text = (written / "results.md").read_text()
    assert "| LSH | missing | missing |" in text
    assert "- lsh-8-s0" in text
    data = json.loads((written / "results.json").read_text())
    assert data["missing"] == ["lsh-8-s0", "lsh-16-s0"]
    assert data["tables"]["table-4"]["rows"]["LSH"] == [None, None]


def test_text_follows_its_table(written: Path):
    text = (written / "results.md").read_text()
    assert text.count("All four learn.") == 1
    assert text.index("All four learn.") < text.index("## Table 2")
    assert text.count("There is no text on this yet") == len(exhibits(PLAN)) - 1


def test_figures_of_the_paper_are_shown_beside_ours(written: Path):
    text = (written / "results.md").read_text()
    assert "| SSDH | 0.381 | 0.394 | 0.394 | 0.372 |" in text


def test_numbers_are_means_and_spreads_over_seeds(written: Path):
    data = json.loads((written / "results.json").read_text())
    number = data["tables"]["table-1"]["rows"]["cls + wsce"][0]
    cells = cells_of(exhibits(PLAN))
    seeds = [0.3 + cells.index(cell) / 1000 for cell in DPH]
    assert number["seeds"] == pytest.approx({"0": seeds[0], "1": seeds[1]})
    assert number["mean"] == pytest.approx(sum(seeds) / 2)
    assert number["interval"] == pytest.approx([sum(seeds) / 2 - 0.01, sum(seeds) / 2 + 0.01])


def test_claims_are_checked_against_the_numbers(written: Path):
    claim = json.loads((written / "results.json").read_text())["claims"]["category-map-near-ssdh"]
    cells = cells_of(exhibits(PLAN))
    dph, ssdh = (
        np.mean([0.3 + cells.index(cell) / 1000 for cell in usual(method, PLAN)])
        for method in ("dph", "ssdh")
    )
    assert claim["margin"] == pytest.approx(dph - ssdh)
    assert claim["holds"] == (dph - ssdh >= -0.01)


def test_a_report_without_results_is_refused(tmp_path: Path):
    with pytest.raises(DualhashError, match="holds no results"):
        write_report(PLAN, ResultStore(tmp_path / "none"), tmp_path)


def test_one_finished_cell_is_enough(tmp_path: Path):
    store = ResultStore(tmp_path / "in")
    required = required_figures(PLAN)[DPH[1]]
    figures, draws = (
        {name: figure(0.5) for name in required.figures},
        {name: [1] for name in required.draws},
    )
    store.write(result(DPH[1], figures=figures, draws=draws))
    assert write_report(PLAN, store, tmp_path / "out") == len(cells_of(exhibits(PLAN))) - 1
    assert "0.500<br>" in (tmp_path / "out" / "results.md").read_text()


def test_a_cell_without_a_required_figure_is_missing(tmp_path: Path):
    store = ResultStore(tmp_path / "in")
    fill(store, without="none")
    kept = store.read()[DPH[0].name]
    some = {name: value for name, value in kept.figures.items() if name != "avg_hm"}
    store.write(kept.model_copy(update={"figures": some}))
    assert write_report(PLAN, store, tmp_path / "out") == 1
    assert f"- {DPH[0].name}" in (tmp_path / "out" / "results.md").read_text()


def test_examples_without_queries_are_explained(tmp_path: Path):
    store = ResultStore(tmp_path / "in")
    fill(store, without="none")
    kept = store.read()[DPH[0].name]
    empty = {**kept.extras, "combined_sheet": {"retrievals": []}}
    store.write(kept.model_copy(update={"extras": empty}))
    assert write_report(PLAN, store, tmp_path / "out") == 0
    text = (tmp_path / "out" / "results.md").read_text()
    assert "no test image can be a query" in text.split("## Figure 15")[1].split("##")[0]
    assert not (tmp_path / "out" / "results" / "figure-15.png").exists()


def test_number_is_the_mean_over_finished_seeds():
    entry = Entry("category_map", DPH)
    assert number_of(entry, {}) is None
    only = result(DPH[1], figures={"category_map": figure(0.5)})
    number = number_of(entry, {only.name: only})
    assert number is not None
    assert (number.mean, number.seeds) == (0.5, {1: 0.5})


def test_sheets_show_available_photos(tmp_path: Path):
    store = ResultStore(tmp_path / "in")
    store.write(result(DPH[0], extras=extras()))
    Image.new("RGB", (6, 8), (255, 0, 255)).save(tmp_path / "a.png")
    draw_sheets(PLAN, store, tmp_path / "with", {"a.png": tmp_path / "a.png"}.get)
    draw_sheets(PLAN, store, tmp_path / "without", {}.get)
    counts = {
        folder: int((np.asarray(Image.open(tmp_path / folder / "figure-13.png").convert("RGB"))
                     == (255, 0, 255)).all(axis=2).sum())
        for folder in ("with", "without")
    }  # fmt: skip
    assert counts["without"] == 0
    assert counts["with"] > 1000
