"""Deep methods from the catalogue to the model folder, on tiny pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dualhash.baselines.deep_method import DeepMethod
from dualhash.baselines.registry import METHODS
from dualhash.baselines.train_method import train_method
from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.model import Model
from dualhash.codes.packing import quantise, unpack
from dualhash.errors import DualhashError
from dualhash.evaluation.evaluate import evaluate
from dualhash.losses import CATEGORY_LOSSES
from dualhash.search.build import build_index
from dualhash.search.index import Index
from dualhash.training.data.prepare_data import prepare
from dualhash.training.loop.train_network import learn
from dualhash.training.pretrain import pretrain
from dualhash.training.train import train
from tests.training.cases import make_catalogue, make_config
from tests.training.test_train import QUIET, StopAt

CATEGORY = ("ssdh", "hashnet", "dnnh")
ATTRIBUTE = ("cnn-attribute",)
EVERY = (*CATEGORY, *ATTRIBUTE, "multiple-model")

SHUFFLED = {"shuffled_images": 16, "iterations": 40, "validation_every": 40, "crop_padding": 0}


class Shelf:
    """Models of all methods on one footing, each trained when it is first asked for."""

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self.folder, self.catalogue = folder, catalogue
        self.config = make_config(**SHUFFLED)
        pretrain(catalogue, self.config, folder / "trunk", display=QUIET)
        self.config = make_config(
            **SHUFFLED, weights=str(folder / "trunk"), frozen_stages=2, lr_pretrained=0.01
        )
        self._models: dict[str, Model] = {}

    def __getitem__(self, name: str) -> Model:
        if name not in self._models:
            out = self.folder / name
            train_method(name, self.catalogue, self.config, out, display=QUIET)
            self._models[name] = Model.open(out)
        return self._models[name]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    folder = tmp_path_factory.mktemp("deep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(folder / "cache"))
        torch.set_num_threads(1)
        yield Shelf(folder, make_catalogue(folder / "images", images=120, categories=4))


def test_every_deep_method_is_looked_at_here():
    assert {name for name in METHODS if isinstance(METHODS[name], DeepMethod)} == set(EVERY)


def test_only_what_makes_a_method_otherwise_is_refused():
    METHODS["ssdh"].check_asked({"alpha": 0, "category_loss": "ssdh", "bits": 8})
    with pytest.raises(DualhashError, match="SSDH sets alpha itself, and 'auto' would change"):
        METHODS["ssdh"].check_asked({"bits": 8, "alpha": "auto"})


@pytest.mark.parametrize("name", EVERY)
def test_beats_chance_by_far_at_what_it_is_made_for(shelf: Shelf, name: str):
    found = evaluate(shelf[name], shelf.catalogue, bootstrap=0).values()
    if "category" in METHODS[name].answers:
        assert found["category_map"] > 0.7  # 0.25 by chance
    if "attribute" in METHODS[name].answers:
        assert found["avg_hm"] > 0.7  # 0.5 by chance
    if "combined" in METHODS[name].answers:
        assert found["combined_recall_at_5"] > 0.4


@pytest.mark.parametrize("name", EVERY)
def test_the_card_says_what_it_is(shelf: Shelf, name: str):
    card = shelf[name].card
    assert card.method == name
    assert card.config["method"] == name
    names = shelf.catalogue.names
    assert card.category_names == (() if name in ATTRIBUTE else names.categories)
    assert card.attribute_names == (() if name in CATEGORY else names.attributes)


@pytest.mark.parametrize("name", EVERY)
def test_its_codes_can_be_indexed_and_searched(shelf: Shelf, name: str, tmp_path: Path):
    path = tmp_path / "index.dhx"
    assert build_index(shelf[name], shelf.catalogue, path).count == len(shelf.catalogue)
    index = Index.open(path)
    assert index.search(str(shelf.catalogue.images[0]), k=3).hits[0].distance == 0
    if name not in CATEGORY:
        hit = index.search(task="attribute", want=["top"], k=9).hits[0]
        assert hit.probabilities["top"] > 0.5


@pytest.mark.parametrize(("name", "subset"), [("ssdh", 1), ("cnn-attribute", 2)])
def test_images_without_its_kind_of_label_are_not_looked_at(shelf: Shelf, name: str, subset: int):
    """A category method does not see train-attribute, an attribute method not train-category."""
    training = shelf[name].card.training
    seen = training["images"] + training["validation_images"]
    others = {0, 1, 2} - {subset}
    assert seen == np.isin(shelf.catalogue.subsets, list(others)).sum()


def test_units_of_attributes_are_their_probabilities(shelf: Shelf):
    model = shelf["cnn-attribute"]
    assert (model.bits, model.card.attribute_units) == (8, (0, 1))
    reals = model.encode(shelf.catalogue.images[:20]).reals
    assert (reals[:, 2:] == 0).all()
    assert np.array_equal(model.attribute_probabilities(reals), reals[:, :2])
    bits = quantise(reals)
    told = model.attribute_probabilities(bits)
    assert np.array_equal(told > 0.5, bits[:, :2])
    assert len(np.unique(told[:, 0])) == 2


def test_real_outputs_of_units_are_judged_as_probabilities(shelf: Shelf):
    model = shelf["cnn-attribute"]
    real, binary = (
        evaluate(model, shelf.catalogue, codes=codes, bootstrap=0).values()
        for codes in ("real", "binary")
    )
    assert real["avg_hm"] == binary["avg_hm"]  # p > 0.5 is the bit
    assert real["attribute_map"] > binary["attribute_map"]  # but bits tie


def test_multiple_model_is_ssdh_with_fewer_bits_and_then_attributes(shelf: Shelf, tmp_path: Path):
    model = shelf["multiple-model"]
    assert model.bits == 16
    assert model.card.attribute_units == (14, 15)
    reals = model.encode(shelf.catalogue.images[:30]).reals
    alone = shelf["cnn-attribute"].encode(shelf.catalogue.images[:30]).reals
    assert np.allclose(reals[:, 14:], alone[:, :2], atol=1e-6)
    assert not model.category_head.weight[:, 14:].any()
    assert not model.attribute_head.weight[:, :14].any()
    assert sorted(path.name for path in model.folder.glob("*.csv")) == [
        "attributes-log.csv",
        "categories-log.csv",
    ]


def test_a_model_without_attributes_is_judged_on_categories_alone(shelf: Shelf):
    found = evaluate(shelf["ssdh"], shelf.catalogue, bootstrap=10).values()
    assert found["category_map"] is not None
    assert found["attribute_map"] is None
    assert found["combined_recall_at_5"] is None


def test_stopped_and_resumed_it_is_the_same(shelf: Shelf, tmp_path: Path):
    config = shelf.config.model_copy(update={"iterations": 4, "validation_every": 2})
    name, again = "multiple-model", {"resume": True, "display": QUIET}
    undisturbed = train_method(name, shelf.catalogue, config, tmp_path / "a", display=QUIET)
    stop = StopAt("iteration 4", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        train_method(name, shelf.catalogue, config, tmp_path / "b", display=stop)
    resumed = train_method(name, shelf.catalogue, config, tmp_path / "b", **again)
    assert resumed.hash == undisturbed.hash
    assert train_method(name, shelf.catalogue, config, tmp_path / "b", **again).hash == resumed.hash


def test_a_layer_that_changes_with_time_is_resumed_in_time(shelf: Shelf, tmp_path: Path):
    config = shelf.config.model_copy(update={"iterations": 6, "validation_every": 2})
    configured = METHODS["hashnet"].configured(config)
    whole = learn(prepare(shelf.catalogue, configured, QUIET), tmp_path / "a")
    stop = StopAt("iteration 4", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        learn(prepare(shelf.catalogue, configured, stop), tmp_path / "b")
    resumed = learn(prepare(shelf.catalogue, configured, QUIET), tmp_path / "b")
    states = [each.fitted.network.state_dict() for each in (whole, resumed)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    last = torch.load(tmp_path / "b" / "last.ckpt", weights_only=True)["state_dict"]
    assert last["network.hash_layer.beta"].item() == pytest.approx((1 + 50 * 5 / 6) ** 0.5)


@pytest.mark.parametrize("loss", sorted(set(CATEGORY_LOSSES) - {"softmax", "triplet"}))
def test_any_category_loss_stands_in_dph(shelf: Shelf, tmp_path: Path, loss: str):
    """Section 3.2.2: other losses replace the category loss beside the attributes'."""
    config = shelf.config.model_copy(update={"category_loss": loss, "alpha": 3.0})
    best = learn(prepare(shelf.catalogue, config, QUIET), tmp_path).report["best"]
    assert best["category_map"] > 0.6
    assert best["avg_hm"] > 0.6


def test_settings_of_the_method_can_be_tuned_and_unknown_ones_fail(shelf: Shelf, tmp_path: Path):
    def best_round(**settings: float) -> dict[str, float]:
        tuned = shelf.config.model_copy(update={"iterations": 2, "loss_settings": settings})
        task = prepare(shelf.catalogue, METHODS["ssdh"].configured(tuned), QUIET)
        best: dict[str, float] = learn(task, tmp_path / str(settings)).report["best"]
        return best

    assert best_round(push=0.0)["category_loss"] > best_round(push=90.0)["category_loss"] + 0.1
    with pytest.raises(DualhashError, match="no setting 'pusch'"):
        best_round(pusch=0.1)


def test_what_cannot_be_is_said(shelf: Shelf, tmp_path: Path):
    with pytest.raises(DualhashError, match="no method 'sdsh'"):
        train_method("sdsh", shelf.catalogue, shelf.config, tmp_path / "m", display=QUIET)
    with pytest.raises(DualhashError, match="train ssdh first"):
        train_method("svm-binary", shelf.catalogue, shelf.config, tmp_path / "m", display=QUIET)
    many = replace(
        shelf.catalogue,
        names=replace(shelf.catalogue.names, attributes=tuple(f"a{i}" for i in range(16))),
        attributes=np.tile(shelf.catalogue.attributes, 8),
        observed=np.tile(shelf.catalogue.observed, 8),
    )
    with pytest.raises(DualhashError, match="leave none of 16"):
        train_method("multiple-model", many, shelf.config, tmp_path / "m", display=QUIET)
    no_code = shelf.config.model_copy(update={"hash_layer": "none"})
    with pytest.raises(DualhashError, match="makes no code"):
        train(shelf.catalogue, no_code, tmp_path / "m", display=QUIET)


def test_packed_codes_are_the_bits_of_the_outputs(shelf: Shelf):
    encoded = shelf["multiple-model"].encode(shelf.catalogue.images[:9])
    assert np.array_equal(unpack(encoded.codes), encoded.reals > 0.5)
