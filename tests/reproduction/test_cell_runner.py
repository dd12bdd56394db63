from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.codes.calibration import Calibration
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.evaluation.evaluation_result import MetricValue
from dualhash.progress import Display
from dualhash.training.presets import preset_config
from reproduction.cell_runner import CellRunner
from reproduction.grid_cell import PRETRAINING, Cell
from reproduction.grid_plan import PLANS, plan_for
from reproduction.measure_cell import measure
from reproduction.method_outputs import TOGETHER, class_bits, run_method, tasks_of
from reproduction.paper_exhibits import cells_of, exhibits
from reproduction.run_grid import dependency_order
from reproduction.setting_choice import trial_cells
from reproduction.standard_cells import pretraining, usual
from reproduction.table_definition import DEPTHS
from reproduction.train_cell import TrainedCell, validation_figures
from tests.builders import colour_image, colour_model
from tests.reproduction.small_grid import PLAN, catalogue, result

NAMES = LabelNames(("circle", "square", "triangle"), ("red", "green", "blue"))
SMALL = replace(PLAN, attributes=3, held_out=1, resamples=7, trials={"dph": {"alpha": (0.0, 0.5)}})


@contextmanager
def unseen() -> Iterator:
    yield lambda stage, share: None


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Catalogue:
    """Plain images; the attributes say which channels are bright, the category is random."""
    folder = tmp_path_factory.mktemp("shapes")
    made = catalogue(180, categories=3, attributes=3)
    rng = np.random.default_rng(3)
    colours = rng.integers(256, size=(180, 3))
    images = tuple(
        colour_image(folder / f"{i}.png", tuple(colour))
        for i, colour in enumerate(colours.tolist())
    )
    return replace(made, images=images, names=NAMES, attributes=(colours > 127).astype(np.int8))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {
        name: colour_model(folder / name, seed=i)
        for i, name in enumerate(("ssdh", "cnn-attribute", "dph"))
    }


@pytest.fixture
def runner(shapes: Catalogue) -> CellRunner:
    return CellRunner(SMALL, shapes, Display(quiet=True), unseen)


def run(runner: CellRunner, cell: Cell, models: dict, monkeypatch, tmp_path: Path):
    validation = {"validation_avg_hm": 0.5}
    made = TrainedCell(models, {"bits": 16}, {"model": "m"}, {"numpy": "2"}, validation, 99.0)
    monkeypatch.setattr("reproduction.cell_runner.train_cell", lambda *_, **__: made)
    return runner.run(cell, {"bits": 16}, tmp_path, {})


def test_figures_about_heads_use_the_heads_of_the_model(runner, models, monkeypatch, tmp_path):
    """Of its attribute weight, and of the bits that its head says least of attributes by."""
    given = {}

    def measured(*_, **named):
        given.update(named)
        return measure(*_, **named)

    monkeypatch.setattr("reproduction.cell_runner.measure", measured)
    card = models["dph"].card.model_copy(update={"calibration": Calibration(attribute_weight=2.5)})
    model = replace(models["dph"], card=card)
    run(runner, usual("dph", SMALL)[0], {"dph": model}, monkeypatch, tmp_path)
    assert given["attribute_weight"] == 2.5
    sizes = np.abs(model.attribute_head.weight).sum(axis=0)
    assert np.argmin(given["attribute_information"]) == np.argmin(sizes)
    assert np.argmax(given["attribute_information"]) == np.argmax(sizes)


def trials(runner: CellRunner):
    figures = {f"validation_{name}": MetricValue(value=0.5) for name in ("category_map", "avg_hm")}
    return {
        trial.name: result(trial, figures=figures)
        for trial in runner.trials(usual("dph", SMALL)[0])
    }


def test_a_result_contains_the_figures_of_its_tables(runner, models, monkeypatch, tmp_path):
    dph = usual("dph", SMALL)[0]
    kept = run(runner, dph, {"dph": models["ssdh"]}, monkeypatch, tmp_path)
    assert {"category_map", "half_least_category_map"} < runner.requirements(dph).figures
    assert runner.requirements(dph).met_by(kept)
    assert kept.figures["bits"] == MetricValue(value=16)
    assert set(kept.extras) == {"histogram", "bits", "attribute_sheet", "combined_sheet"}
    assert set(kept.draws) == {
        "category_map",
        "attribute_map",
        *(f"combined_recall_at_{depth}" for depth in DEPTHS),
    }  # fmt: skip
    assert all(len(draws) == SMALL.resamples for draws in kept.draws.values())
    assert kept.hashes == {"data": runner.data, "model": "m"}
    assert kept.seconds["training"] == 99.0  # before and after it was killed
    assert kept.seconds["judging"] < 60


def test_a_trial_is_not_evaluated_on_test_images(runner, models, monkeypatch, tmp_path):
    trial = trial_cells("dph", SMALL)[0]
    kept = run(runner, trial, {"dph": models["ssdh"]}, monkeypatch, tmp_path)
    assert set(kept.figures) == {"validation_avg_hm"}


def test_undefined_validation_figures_are_none():
    card = {"best": {"category_map": 0.5, "avg_hm": float("nan"), "score": 0.5}}
    expected = {"validation_category_map": 0.5, "validation_avg_hm": None}
    assert validation_figures(card) == expected


def test_held_out_categories_are_evaluated_separately(runner, models, monkeypatch, tmp_path):
    cell = Cell("hashnet", 16, held_out=1)
    kept = run(runner, cell, {"hashnet": models["ssdh"]}, monkeypatch, tmp_path)
    assert {"unseen_map", "unseen_among_all_map"} <= set(kept.figures)
    assert "attribute_map" not in kept.figures


def test_recipe_combines_grid_settings_and_trials(runner):
    dph = usual("dph", SMALL)[0]
    assert runner.recipe(dph, {}) is None
    assert runner.recipe(dph, trials(runner)) == {
        **SMALL.training, "backbone": "resnet18-half", "bits": 16, "alpha": 0.5, "seed": 0
    }  # fmt: skip
    other = Cell("dph", 16, settings=(("backbone", "efficientnet-lite0"),), seed=1)
    recipe = runner.recipe(other, trials(runner))
    assert (recipe["pretrained"], recipe["seed"]) == (True, 1)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("quick", [False, True])
def test_every_recipe_can_be_trained(name: str, quick: bool, shapes: Catalogue):
    plan = plan_for(name, quick=quick)
    plan = replace(plan, share=1.0, held_out=1)
    runner = CellRunner(plan, shapes, Display(quiet=True), unseen)
    figures = {f"validation_{task}": MetricValue(value=0.5) for task in ("category_map", "avg_hm")}
    results = {
        trial.name: result(trial, figures=figures)
        for method in plan.trials
        for trial in trial_cells(method, plan)
    }
    for cell in dependency_order(cells_of(exhibits(plan)), runner):
        recipe = runner.recipe(cell, results)
        if cell.method not in TOGETHER:
            begun = (
                {"weights": "w"} if any(p.method == PRETRAINING for p in runner.parts(cell)) else {}
            )
            config = preset_config(**recipe, **begun)
            assert config.bits == (cell.bits or config.bits)


def test_a_backbone_is_pretrained_without_the_held_out_categories(runner):
    recipe = runner.recipe(pretraining(SMALL, "resnet18-half"), {})
    assert {**SMALL.pretraining}.items() <= recipe.items()
    assert len(recipe["without_categories"]) == 1
    assert (
        recipe["without_categories"]
        == runner.recipe(Cell("ssdh", 16, held_out=1), {})["without_categories"]
    )
    assert "frozen_stages" not in recipe


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Cell("ssdh", 16), {"category"}),
        (Cell("svm-real"), {"attribute"}),
        (Cell("svm-binary", 16), {"category", "attribute", "combined"}),
        (Cell("ssdh-by-dph", 16), {"combined"}),
        (Cell("jlbc", 16), {"category", "attribute", "combined"}),
        (Cell("class-id"), {"category", "attribute", "combined"}),
        (Cell("dph", 16), {"category", "attribute", "combined"}),
        (Cell("dph", 16, held_out=1), {"category"}),
    ],
)
def test_tasks_of_each_cell(cell: Cell, expected: set[str]):
    assert tasks_of(cell) == expected


def test_methods_are_evaluated_on_codes_or_real_outputs(shapes, models):
    images = shapes.images[:20]
    outputs = models["ssdh"].encode(images).reals
    alone = run_method("dph", {"dph": models["ssdh"]}, images, lambda *_: None)
    assert (alone.final.codes == quantise(outputs)).all()
    predicted = models["ssdh"].attribute_head.probabilities(quantise(outputs))
    np.testing.assert_array_equal(alone.final.probabilities, predicted)
    real = run_method("svm-real", {"svm-real": models["ssdh"]}, images, lambda *_: None)
    np.testing.assert_array_equal(
        real.final.probabilities, models["ssdh"].attribute_head.probabilities(outputs)
    )


@pytest.mark.parametrize("method", ["ssdh", "multiple-model"])
def test_images_that_cannot_be_read_are_named(method: str, shapes, models, tmp_path: Path):
    damaged, gone = tmp_path / "damaged.png", tmp_path / "gone.png"
    damaged.write_bytes(b"not an image")
    images = [shapes.images[0], damaged, gone]
    with pytest.raises(DualhashError, match=r"2 of the 3 images .*damaged\.png .*gone\.png"):
        run_method(method, models, images, lambda *_: None)


def test_combined_methods_use_codes_of_one_and_attributes_of_the_other(shapes, models):
    images = shapes.images[:20]
    features = models["cnn-attribute"].encode(images).reals
    predicted = models["cnn-attribute"].attribute_head.probabilities(features) >= 0.5
    codes = {name: quantise(models[name].encode(images).reals) for name in ("ssdh", "dph")}
    by_code = models["dph"].attribute_head.probabilities(codes["dph"]) >= 0.5
    expected = {
        "multiple-model": (codes["ssdh"], predicted),
        "ssdh-by-dph": (codes["ssdh"], by_code),
        "dph-by-cnn-attribute": (codes["dph"], predicted),
    }
    for method, (ranking, attributes) in expected.items():
        outputs_of_method = run_method(method, models, images, lambda *_: None).final
        np.testing.assert_array_equal(outputs_of_method.codes, ranking)
        np.testing.assert_array_equal(outputs_of_method.probabilities, attributes)
    named = run_method("class-id", models, images, lambda *_: None).final
    scores = models["ssdh"].category_head.scores(models["ssdh"].encode(images).reals)
    assert (named.codes.argmax(axis=1) == scores.argmax(axis=1)).all()
    np.testing.assert_array_equal(named.probabilities, predicted)


def test_bits_stored_for_each_image(shapes, models):
    taken = {
        method: run_method(method, models, shapes.images[:2], lambda *_: None).bits
        for method in ("multiple-model", "class-id", "ssdh", "cnn-attribute", "ssdh-by-dph")
    }
    expected = {"multiple-model": 16 + 3, "class-id": 2 + 3, "ssdh": 16, "cnn-attribute": 0}
    assert taken == {**expected, "ssdh-by-dph": 0}  # it would keep two codes


def test_class_id_codes_differ_in_two_bits_or_none():
    bits = class_bits(np.array([0, 2, 2]), 3)
    assert bits.tolist() == [[True, False, False], [False, False, True], [False, False, True]]


def test_every_method_has_the_tasks_of_its_tables():
    by_figure = {"category_map": "category", "attribute_map": "attribute", "avg_hm": "attribute"}
    for exhibit in exhibits(PLAN).values():
        for entries in getattr(exhibit, "rows", {}).values():
            for entry in entries:
                for cell in entry.cells if entry else ():
                    name = entry.figure.removeprefix("real_")
                    if name.startswith("combined"):
                        assert "combined" in tasks_of(cell)
                    elif name in by_figure:
                        assert by_figure[name] in tasks_of(cell)
    assert len(cells_of(exhibits(PLAN))) > 30
