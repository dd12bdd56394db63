from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dualhash.baselines import METHODS, sdh
from dualhash.baselines.common.head_method import HeadMethod
from dualhash.catalogue.catalogue import Catalogue, LabelNames, Subset
from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.evaluation.evaluate import evaluate
from dualhash.network import BACKBONES, Backbone
from dualhash.progress import Display
from dualhash.search import Index
from dualhash.search.build import build_index
from dualhash.training.train import train
from tests.training.tiny_training import HEIGHT, WIDTH, make_catalogue, make_config

QUIET = Display(quiet=True)


def build(pretrained: bool) -> nn.Module:
    """Random features of small patches, from which colours are easily predicted."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 64, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d((2, 1)), nn.Flatten()
    )


PATCHES = Backbone(
    name="patches",
    summary="For tests.",
    input_size=(HEIGHT, WIDTH),
    resize=(HEIGHT, WIDTH),
    mean=(0.5, 0.5, 0.5),
    std=(0.3, 0.3, 0.3),
    weights="none",
    build=build,
)
CONFIG = make_config(backbone="patches", pretrained=True)


@pytest.fixture(autouse=True, scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(BACKBONES, "patches", PATCHES)
        patch.setattr(sdh, "ANCHORS", 40)
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return make_catalogue(tmp_path_factory.mktemp("tiny"), images=120)


@pytest.fixture(scope="module")
def models(tiny: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """One for each kind of answer, by method."""
    folder = tmp_path_factory.mktemp("models")
    return {name: learn(name, tiny, folder / name) for name in ("sdh", "svm-real", "jlbc")}


def learn(name: str, catalogue: Catalogue, out: Path, **options) -> Model:
    return train(catalogue, CONFIG, out, method=METHODS[name], display=QUIET, **options)


@pytest.mark.parametrize("name", ["sdh", "svm-real", "jlbc"])
def test_validation_reports_only_figures_of_the_methods_tasks(
    name: str, tiny: Catalogue, models: dict[str, Model]
):
    model = models[name]
    answers = METHODS[name].answers
    assert model.card.method == name
    assert model.bits == (8 if name == "svm-real" else 16)
    assert model.card.category_names == (tiny.names.categories if "category" in answers else ())
    assert model.card.attribute_names == (tiny.names.attributes if "attribute" in answers else ())
    best = model.card.training["best"]
    assert (best["category_map"] is not None) == ("category" in answers)
    assert (best["avg_hm"] is not None) == ("attribute" in answers)
    assert model.card.training["notes"] == []  # nothing of batches, of which there are none

    judged = evaluate(model, tiny.aligned(model.card.names), bootstrap=0).values()
    assert judged["category_map"] is not None
    assert (judged["attribute_map"] is not None) == ("attribute" in answers)
    assert (judged["combined_recall_at_5"] is not None) == ("attribute" in answers)


def test_index_of_a_category_method_refuses_attribute_searches(
    tiny: Catalogue, models: dict[str, Model], tmp_path: Path
):
    build_index(models["sdh"], tiny, tmp_path / "i.dhx")
    with Index.open(tmp_path / "i.dhx") as index:
        assert len(index.search("id:0", k=5).hits) == 5
        with pytest.raises(DualhashError, match="predicts no attributes"):
            index.search("id:0", task="attribute", want=["top"])


def test_an_attribute_method_predicts_no_category(
    tiny: Catalogue, models: dict[str, Model], tmp_path: Path
):
    build_index(models["svm-real"], tiny, tmp_path / "i.dhx")
    with Index.open(tmp_path / "i.dhx") as index:
        found = index.search(tiny.images[0], task="attribute", want=["top"], k=3)
    assert found.hits[0].probabilities["top"] > 0.5


def test_categories_are_predicted_from_codes(tiny: Catalogue, models: dict[str, Model]):
    rows = np.flatnonzero(tiny.visible().categories >= 0)
    model = models["sdh"]
    predicted = model.predict(model.encode([tiny.images[row] for row in rows]).codes)
    named = [tiny.names.categories[tiny.categories[row]] for row in rows]
    right = [prediction.category == name for prediction, name in zip(predicted, named, strict=True)]
    assert np.mean(right) > 0.8


def test_svm_real_outputs_are_probabilities(models: dict[str, Model]):
    assert models["svm-real"].card.attribute_units == (0, 1)
    assert models["jlbc"].card.attribute_units == ()


def test_joint_methods_use_only_images_with_both_kinds_of_label(
    tiny: Catalogue, models: dict[str, Model]
):
    both = (tiny.subsets == Subset.TRAIN_BOTH).sum()
    images = {name: model.card.training["images"] for name, model in models.items()}
    assert 0.6 * both < images["jlbc"] <= both < images["sdh"]


def test_resuming_a_finished_model_changes_nothing(tiny: Catalogue, models: dict[str, Model]):
    folder = models["sdh"].folder
    changed = (folder / "model.json").stat().st_mtime_ns
    assert learn("sdh", tiny, folder, resume=True).hash == models["sdh"].hash
    assert (folder / "model.json").stat().st_mtime_ns == changed
    with pytest.raises(DualhashError, match="already holds"):
        learn("sdh", tiny, folder)
    with pytest.raises(DualhashError, match="another training"):
        learn("itq", tiny, folder, resume=True)


def test_a_backbone_of_random_weights_is_refused(tiny: Catalogue, tmp_path: Path):
    with pytest.raises(DualhashError, match="LSH learns from the features"):
        train(tiny, make_config(), tmp_path / "m", method=METHODS["lsh"], display=QUIET)


def test_attribute_methods_refuse_a_catalogue_without_attributes(tiny: Catalogue, tmp_path: Path):
    bare = tiny.aligned(LabelNames(tiny.names.categories, ()))
    with pytest.raises(DualhashError, match="SVM-real learns attributes, but"):
        learn("svm-real", bare, tmp_path / "m")


def test_a_head_method_keeps_codes_and_adds_an_attribute_head(
    tiny: Catalogue, models: dict[str, Model], tmp_path: Path
):
    method = METHODS["svm-binary"]
    assert isinstance(method, HeadMethod)
    before = models["sdh"]
    base = replace(method, base="sdh", base_folder=before.folder)
    model = train(tiny, CONFIG, tmp_path / "m", method=base, display=QUIET)
    paths = tiny.images[:9]
    np.testing.assert_array_equal(model.encode(paths).codes, before.encode(paths).codes)
    assert model.card.category_names == before.card.category_names
    assert model.card.attribute_names == tiny.names.attributes
    judged = evaluate(model, tiny, bootstrap=0).values()
    assert judged["attribute_map"] is not None
    assert (
        judged["category_map"]
        == evaluate(before, tiny.aligned(before.card.names), bootstrap=0).values()["category_map"]
    )

    again = train(tiny, CONFIG, tmp_path / "m", method=base, resume=True, display=QUIET)
    assert again.hash == model.hash
    with pytest.raises(DualhashError, match=r"codes of ssdh, but .* is a model of sdh"):
        train(
            tiny,
            CONFIG,
            tmp_path / "n",
            method=replace(method, base_folder=before.folder),
            display=QUIET,
        )
