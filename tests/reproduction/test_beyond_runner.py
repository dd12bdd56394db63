"""The grid beyond the paper on a tiny catalogue, with trainings of two batches."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from dualhash.errors import DualhashError
from reproduction.beyond import plans
from reproduction.beyond.exhibits import exhibits
from reproduction.beyond.runner import BeyondRunner
from reproduction.grid_cell import Cell, Result
from reproduction.paper_exhibits import cells_of
from reproduction.result_store import ResultStore
from reproduction.run_grid import run, schedule
from tests.features.mean_extractor import mean_extractor
from tests.reproduction.tiny_beyond import SHORT, TINY
from tests.training.tiny_training import HEIGHT, QUIET, WIDTH, make_catalogue

METHODS = ("dph+", "multiple-model", "class-id", "float-features", "near-duplicates")


@contextmanager
def stages() -> Iterator:
    yield lambda stage, share: None


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> Iterator[None]:
    """Features are mean colours, and trainings take two batches."""
    mean = mean_extractor((HEIGHT, WIDTH))
    recipes = {name: {**recipe, **SHORT} for name, recipe in plans.RECIPES.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("dualhash.training.data.prepare_data.open_extractor", lambda *_: mean)
        patch.setattr(plans, "RECIPES", recipes)
        patch.setattr(plans, "TUNED_ON", TINY)
        yield


@pytest.fixture(scope="module")
def runner(short, tmp_path_factory) -> BeyondRunner:
    catalogue = make_catalogue(tmp_path_factory.mktemp("images"), images=120, categories=4)
    return BeyondRunner(TINY, catalogue, QUIET, stages, dict)


@pytest.fixture(scope="module")
def folder(runner: BeyondRunner, tmp_path_factory) -> Path:
    """The results of one cell of each kind, and a cell that was killed before its evaluation."""
    folder = tmp_path_factory.mktemp("grid")
    shown = cells_of(exhibits(TINY))
    chosen = [next(cell for cell in shown if cell.method == method) for method in METHODS]
    chosen.append(next(cell for cell in shown if cell.method == "dph+" and cell.held_out))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BeyondRunner, "_evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            go(runner, folder, chosen[:1])
    assert (folder / "work" / "dph+-16-s0" / "model" / "model.json").is_file()
    go(runner, folder, chosen)
    return folder


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def go(runner: BeyondRunner, folder: Path, chosen: list[Cell]) -> list[str]:
    notes: list[str] = []
    store = ResultStore(folder / "results")
    whole = [cell for cell in cells_of(exhibits(TINY)) if not cell.held_out]
    run(chosen, runner, store, folder / "work", whole=whole, notify=notes.append)
    return notes


def results(folder: Path) -> dict[str, Result]:
    return ResultStore(folder / "results").read()


def test_a_killed_cell_continues_and_finished_cells_are_not_run_again(runner, folder: Path):
    shown = [cell for cell in cells_of(exhibits(TINY)) if cell.name in results(folder)]
    steps = schedule(shown, runner, ResultStore(folder / "results"), folder / "work")
    assert shown
    assert not any(step.due for step in steps)
    assert go(runner, folder, shown) == [f"{len(steps)} of {len(steps)} cells are finished."]


def test_every_figure_of_an_evaluation_is_saved(folder: Path):
    plus = results(folder)["dph+-16-s0"]
    assert {"category_map", "attribute_map", "avg_hm", "combined_recall_at_5"} <= set(plus.figures)
    assert plus.figures["seconds"].value == plus.seconds["training"]
    assert plus.figures["bits"].value == 16
    assert plus.recipe["preset"] == "dph+"
    assert plus.recipe["category_share"] == 0.5
    assert len(plus.draws["category_map"]) == TINY.resamples


def test_methods_without_codes_are_measured_on_all_tasks(folder: Path):
    for name in ("float-features-s0", "class-id-s0"):
        figures = results(folder)[name].figures
        for figure in ("category_map", "attribute_map", "combined_recall_at_5"):
            assert 0 <= figures[figure].value <= 1
    figures = results(folder)["float-features-s0"].figures
    assert figures["seconds"].value is not None
    assert figures["bits"].value == 32 * (3 + 2)  # three features, two attributes


def test_unseen_categories_are_ranked_by_ranking_bits_and_by_all_bits(folder: Path):
    name = next(name for name in results(folder) if "without-1" in name)
    figures = results(folder)[name].figures
    assert len(results(folder)[name].recipe["without_categories"]) == 1
    for figure in ("unseen_map", "all_bits_unseen_map"):
        assert 0 <= figures[figure].value <= 1
    assert "category_map" not in figures


def test_a_changed_preset_makes_its_cells_due(runner, folder: Path, monkeypatch):
    recipes = {**plans.RECIPES, "dph+": {**plans.RECIPES["dph+"], "alpha": 0.75}}
    monkeypatch.setattr(plans, "RECIPES", recipes)
    (cell,) = plans.cells("dph+", TINY)
    (step,) = schedule([cell], runner, ResultStore(folder / "results"), folder / "work")
    assert step.due


def test_another_number_of_attributes_is_refused(runner):
    with pytest.raises(DualhashError, match="2 attributes, but the plan of fashion is for 32"):
        BeyondRunner(plans.PLANS["fashion"], runner.catalogue, QUIET, stages, dict)


def test_labels_of_nearly_identical_images_are_counted(folder: Path):
    figures = results(folder)["near-duplicates-s0"].figures
    assert figures["pairs_at_0.05"].value >= figures["pairs_at_0.005"].value
    assert np.isfinite(figures["pairs_at_0.05"].value)
