"""Deep methods from the catalogue to the model folder, on tiny images."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dualhash.baselines import METHODS, find_method
from dualhash.codes.model import Model
from dualhash.codes.packing import unpack
from dualhash.errors import DualhashError
from dualhash.evaluation.evaluate import evaluate
from dualhash.losses import (
    ATTRIBUTE_LOSSES,
    CATEGORY_LOSSES,
    AttributeCounts,
    JointLoss,
    build_category_loss,
)
from dualhash.network import HASH_LAYERS, DualHashNetwork, build_backbone
from dualhash.search.build import build_index
from dualhash.search.index import Index
from dualhash.training.config import TrainConfig
from dualhash.training.data.prepare_data import prepare_data
from dualhash.training.loop.train_network import train_network
from dualhash.training.method import NetworkMethod
from dualhash.training.train import train
from tests.training.tiny_training import HEIGHT, QUIET, WIDTH, StopAt, make_catalogue, make_config

CATEGORY = ("ssdh", "hashnet", "dnnh")
ATTRIBUTE = ("cnn-attribute",)
EVERY = (*CATEGORY, *ATTRIBUTE, "multiple-model")


class Models:
    """A model of each method, trained when it is first used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalogue = make_catalogue(folder / "images", images=120, categories=4)
        self.config = make_config(iterations=2, shuffled_images=16)
        self._models: dict[str, Model] = {}

    def __getitem__(self, name: str) -> Model:
        if name not in self._models:
            out = self.folder / name
            train(self.catalogue, self.config, out, method=find_method(name), display=QUIET)
            self._models[name] = Model.open(out)
        return self._models[name]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, tiny_backbone: None) -> Iterator[Models]:
    folder = tmp_path_factory.mktemp("deep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(folder / "cache"))
        yield Models(folder)


def test_every_deep_method_is_tested_here():
    assert {name for name in METHODS if isinstance(METHODS[name], NetworkMethod)} == set(EVERY)


def test_settings_that_the_method_fixes_are_refused():
    METHODS["ssdh"].check_settings({"alpha": 0, "category_loss": "ssdh", "bits": 8})
    with pytest.raises(DualhashError, match="SSDH always trains with alpha = 0"):
        METHODS["ssdh"].check_settings({"bits": 8, "alpha": "auto"})


def one_step(config: TrainConfig) -> tuple[float, float]:
    """The loss of a batch before and after a small gradient step."""
    torch.manual_seed(0)
    images = torch.randint(0, 256, (12, HEIGHT, WIDTH, 3), dtype=torch.uint8)
    categories = torch.arange(12) % 3 if config.learns != "attribute" else torch.full((12,), -1)
    attributes = torch.randint(0, 2, (12, 2)).float()
    observed = torch.full((12, 2), config.learns != "category")
    backbone = build_backbone("tiny", pretrained=False, input_size=(HEIGHT, WIDTH))
    layer = HASH_LAYERS.build(config.hash_layer, config.hash_settings, backbone.feature_size, 16)
    cosine = config.category_head == "cosine"
    network = DualHashNetwork(backbone, layer, categories=3, attributes=2, cosine=cosine)
    counts = AttributeCounts(("top", "left"), np.array([6, 6]), np.array([6, 6]))
    loss = JointLoss(
        build_category_loss(config.category_loss, config.loss_settings),
        ATTRIBUTE_LOSSES.build(config.attribute_loss, {}, counts),
        1.0,
    )

    def batch_loss() -> torch.Tensor:
        return loss(network(images), categories, attributes, observed).total

    before = batch_loss()
    before.backward()
    learned = [each for each in network.parameters() if each.grad is not None]
    squared_norm = sum(each.grad.square().sum() for each in learned)
    with torch.no_grad():
        for parameter in learned:  # lowers the loss by 0.1 %, to first order
            parameter.sub_(1e-3 * before / squared_norm * parameter.grad)
    return before.item(), batch_loss().item()


@pytest.mark.parametrize("name", [*CATEGORY, *ATTRIBUTE])
def test_a_small_step_lowers_the_loss_of_its_batch(tiny_backbone: None, name: str):
    before, after = one_step(METHODS[name].configure(make_config()))
    assert after < before


@pytest.mark.parametrize("loss", sorted(CATEGORY_LOSSES))
def test_any_category_loss_can_replace_that_of_dph(tiny_backbone: None, loss: str):
    """Section 3.2.2: beside the attribute loss."""
    head = "cosine" if loss == "cosine-margin" else "linear"
    before, after = one_step(make_config(category_loss=loss, category_head=head))
    assert after < before


@pytest.mark.parametrize("name", EVERY)
def test_evaluation_reports_the_figures_of_the_tasks_it_answers(models: Models, name: str):
    figures = evaluate(models[name], models.catalogue, bootstrap=0).values()
    answers = METHODS[name].answers
    assert figures["category_map"] is not None
    assert (figures["attribute_map"] is not None) == ("attribute" in answers)
    assert (figures["combined_recall_at_5"] is not None) == ("attribute" in answers)


@pytest.mark.parametrize("name", EVERY)
def test_the_model_card_names_method_and_labels(models: Models, name: str):
    card = models[name].card
    assert card.method == name
    assert card.config["method"] == name
    names = models.catalogue.names
    assert card.category_names == (() if name in ATTRIBUTE else names.categories)
    assert card.attribute_names == (() if name in CATEGORY else names.attributes)


@pytest.mark.parametrize("name", EVERY)
def test_codes_can_be_indexed_and_searched(models: Models, name: str, tmp_path: Path):
    path = tmp_path / "index.dhx"
    assert build_index(models[name], models.catalogue, path).count == len(models.catalogue)
    with Index.open(path) as index:
        assert index.search(str(models.catalogue.images[0]), k=3).hits[0].distance == 0
        if name not in CATEGORY:
            hits = index.search(task="attribute", want=["top"], k=9).hits
            probabilities = [hit.probabilities["top"] for hit in hits]
            assert probabilities == sorted(probabilities, reverse=True)


@pytest.mark.parametrize(("name", "subset"), [("ssdh", 1), ("cnn-attribute", 2)])
def test_images_without_the_labels_of_the_method_are_not_used(
    models: Models, name: str, subset: int
):
    """A category method does not see train-attribute, an attribute method not train-category."""
    training = models[name].card.training
    seen = training["images"] + training["validation_images"]
    others = {0, 1, 2} - {subset}
    assert seen == np.isin(models.catalogue.subsets, list(others)).sum()


def test_attribute_units_are_probabilities(models: Models):
    model = models["cnn-attribute"]
    assert (model.bits, model.card.attribute_units) == (8, (0, 1))
    reals = model.encode(models.catalogue.images[:20]).reals
    assert (reals[:, 2:] == 0).all()
    assert np.array_equal(model.attribute_probabilities(reals), reals[:, :2])
    bits = np.zeros((4, 8), bool)
    bits[:, :2] = [[0, 0], [0, 1], [1, 0], [1, 1]]
    probabilities = model.attribute_probabilities(bits)
    for attribute in range(2):
        assert len(np.unique(probabilities[:, attribute])) == 2  # one for each value of its bit


def test_multiple_model_joins_ssdh_bits_and_attribute_bits(models: Models):
    model = models["multiple-model"]
    assert model.bits == 16
    assert model.card.attribute_units == (14, 15)
    reals = model.encode(models.catalogue.images[:30]).reals
    alone = models["cnn-attribute"].encode(models.catalogue.images[:30]).reals
    assert np.allclose(reals[:, 14:], alone[:, :2], atol=1e-6)
    assert not model.category_head.weight[:, 14:].any()
    assert not model.attribute_head.weight[:, :14].any()
    assert sorted(path.name for path in model.folder.glob("*.csv")) == [
        "attributes-log.csv",
        "categories-log.csv",
    ]


def test_a_resumed_training_gives_the_same_model(models: Models, tmp_path: Path):
    config = models.config.model_copy(update={"iterations": 4, "validation_every": 2})
    method, again = find_method("multiple-model"), {"resume": True, "display": QUIET}
    undisturbed = train(models.catalogue, config, tmp_path / "a", method=method, display=QUIET)
    stop = StopAt("iteration 4", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        train(models.catalogue, config, tmp_path / "b", method=method, display=stop)
    resumed = train(models.catalogue, config, tmp_path / "b", method=method, **again)
    assert resumed.hash == undisturbed.hash
    finished = train(models.catalogue, config, tmp_path / "b", method=method, **again)
    assert finished.hash == resumed.hash


def test_the_schedule_of_hashnet_continues_after_a_resume(models: Models, tmp_path: Path):
    config = models.config.model_copy(update={"iterations": 6, "validation_every": 2})
    configured = METHODS["hashnet"].configure(config)
    data = prepare_data(models.catalogue, configured, QUIET)
    whole = train_network(data, tmp_path / "a", QUIET)
    stop = StopAt("iteration 4", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        train_network(data, tmp_path / "b", stop)
    resumed = train_network(
        prepare_data(models.catalogue, configured, QUIET), tmp_path / "b", QUIET
    )
    states = [each.network.state_dict() for each in (whole, resumed)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    last = torch.load(tmp_path / "b" / "last.ckpt", weights_only=True)["state_dict"]
    assert last["network.hash_layer.beta"].item() == pytest.approx((1 + 50 * 5 / 6) ** 0.5)


def test_settings_of_the_loss_can_be_changed_and_unknown_ones_fail(models: Models, tmp_path: Path):
    def loss_of(**settings: float) -> float:
        """With learning rates of almost 0, so that the networks are the same."""
        update = {"iterations": 2, "lr_new": 1e-30, "loss_settings": settings}
        config = METHODS["ssdh"].configure(models.config.model_copy(update=update))
        data = prepare_data(models.catalogue, config, QUIET)
        report = train_network(data, tmp_path / str(settings), QUIET).report
        loss: float = report["best"]["category_loss"]
        return loss

    assert loss_of(push=90.0) < loss_of(push=0.0)
    with pytest.raises(DualhashError, match="no setting 'pusch'"):
        loss_of(pusch=0.1)


def test_invalid_settings_are_refused(models: Models, tmp_path: Path):
    with pytest.raises(DualhashError, match="no method 'sdsh'"):
        find_method("sdsh")
    with pytest.raises(DualhashError, match="train ssdh first"):
        train(
            models.catalogue,
            models.config,
            tmp_path / "m",
            method=find_method("svm-binary"),
            display=QUIET,
        )
    many = replace(
        models.catalogue,
        names=replace(models.catalogue.names, attributes=tuple(f"a{i}" for i in range(16))),
        attributes=np.tile(models.catalogue.attributes, 8),
        observed=np.tile(models.catalogue.observed, 8),
    )
    with pytest.raises(DualhashError, match="leave none of 16"):
        train(
            many, models.config, tmp_path / "m", method=find_method("multiple-model"), display=QUIET
        )
    no_code = models.config.model_copy(update={"hash_layer": "none"})
    with pytest.raises(DualhashError, match="produces no code"):
        train(models.catalogue, no_code, tmp_path / "m", display=QUIET)


def test_packed_codes_match_the_outputs(models: Models):
    encoded = models["multiple-model"].encode(models.catalogue.images[:9])
    assert np.array_equal(unpack(encoded.codes), encoded.reals > 0.5)
