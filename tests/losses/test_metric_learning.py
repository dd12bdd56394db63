from pathlib import Path

import pytest
import torch

from dualhash.catalogue.catalogue import Catalogue
from dualhash.errors import DualhashError
from dualhash.losses import MetricLearningLoss, build_category_loss
from dualhash.training.train import train
from tests.losses.batches import random_batch
from tests.training.tiny_training import QUIET, make_catalogue, make_config

theirs = pytest.importorskip(
    "pytorch_metric_learning.losses", reason="pytorch-metric-learning is not installed"
)
TRIPLET = "pytorch_metric_learning.losses:TripletMarginLoss"
PROXIES = "pytorch_metric_learning.losses:ProxyAnchorLoss"


def test_the_triplet_loss_is_that_of_signs():
    """Codes 00, 01 and 11 are the vectors (-1, -1), (-1, 1) and (1, 1), divided by sqrt(2)."""
    outputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5]])
    loss = build_category_loss(TRIPLET, {"margin": 1.0})
    value = loss(outputs, torch.tensor([0, 0, 1, -1]))
    # Anchors 00 and 01: D = sqrt(2) to each other, 2 and sqrt(2) to 11.
    expected = (max(0, 2**0.5 - 2 + 1) + 1) / 2
    assert isinstance(loss, MetricLearningLoss)
    assert value.item() == pytest.approx(expected)


def test_images_without_a_category_are_ignored():
    batch = random_batch(0)
    known = batch.categories >= 0
    loss = build_category_loss(TRIPLET)
    assert loss(batch.outputs, batch.categories, batch.category_logits) == loss(
        batch.outputs[known], batch.categories[known]
    )


def test_batches_without_categories_have_zero_loss_and_gradient():
    outputs = torch.rand(3, 8, requires_grad=True)
    value = build_category_loss(TRIPLET)(outputs, torch.full((3,), -1))
    value.backward()
    assert value == 0
    assert not outputs.grad.any()


def test_losses_with_proxies_are_given_their_sizes():
    loss = build_category_loss(PROXIES, {"alpha": 16}, bits=8, categories=3)
    assert loss.loss.proxies.shape == (3, 8)
    assert loss.loss.alpha == 16


def test_objects_of_losses_are_refused_with_what_to_give():
    with pytest.raises(DualhashError, match="give a class or function"):
        make_config(category_loss=theirs.TripletMarginLoss())


@pytest.mark.usefixtures("tiny_backbone")
@pytest.mark.parametrize("loss", [theirs.TripletMarginLoss, theirs.ProxyAnchorLoss])
def test_their_losses_train_a_model(loss: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DUALHASH_CACHE", str(tmp_path / "cache"))
    tiny: Catalogue = make_catalogue(tmp_path / "images")
    config = make_config(category_loss=loss, loss_settings={"margin": 0.1}, iterations=2)
    model = train(tiny, config, tmp_path / "model", display=QUIET)
    assert model.card.config["category_loss"] == f"{loss.__module__}:{loss.__name__}"
    assert model.encode(tiny.images[:2]).reals.shape == (2, 16)
