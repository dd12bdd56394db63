"""Predicting the attribute labels that training images do not have."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dualhash.catalogue.catalogue import Catalogue
from dualhash.network.network import NetworkOutput
from dualhash.training.data.prepare_data import prepare_data
from dualhash.training.data.training_data import TrainingData
from dualhash.training.loop.fill_attributes import attribute_config, fill_attributes
from dualhash.training.loop.fit_network import NetworkFit, TrainerOptions
from dualhash.training.train import train
from tests.training.tiny_training import QUIET, StopAt, make_config

CONFIG = make_config(fill_attributes=True, shuffled_images=16)


@pytest.fixture(scope="module")
def data(tiny: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(tmp_path_factory.mktemp("cache")))
        return prepare_data(tiny, CONFIG, QUIET)


PROBABILITIES = (0.25, 0.9)
LOGITS = torch.tensor(PROBABILITIES).logit()


class ConstantLogits(torch.nn.Module):
    """Stands for a trained network that gives every image the same probabilities."""

    def forward(self, inputs: torch.Tensor) -> NetworkOutput:
        rows = len(inputs)
        return NetworkOutput(torch.zeros(rows, 0), torch.zeros(rows, 0), LOGITS.expand(rows, 2))


@pytest.fixture
def filled(data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingData:
    rounds = [{"seconds": 1.5}]
    monkeypatch.setattr(NetworkFit, "run", lambda fit: (ConstantLogits(), rounds))
    filled, seconds = fill_attributes(data, tmp_path, QUIET, TrainerOptions())
    assert seconds == 1.5
    return filled


def test_only_missing_labels_of_training_batches_are_replaced(
    data: TrainingData, filled: TrainingData
):
    missing = 0
    for before, after in zip(
        data.training_batches(0, 3), filled.training_batches(0, 3), strict=True
    ):
        assert after.observed.all()
        assert (after.attributes[before.observed] == before.attributes[before.observed]).all()
        expected = torch.tensor(PROBABILITIES).expand_as(after.attributes)[~before.observed]
        np.testing.assert_allclose(after.attributes[~before.observed], expected, atol=1e-3)
        missing += len(expected)
    assert missing
    for before, after in zip(data.validation_batches(), filled.validation_batches(), strict=True):
        assert (after.observed == before.observed).all()
        assert (after.attributes == before.attributes).all()


@pytest.mark.parametrize("observed", [True, False])
def test_labels_that_are_all_there_or_all_missing_stay(
    data: TrainingData, tmp_path: Path, observed: bool
):
    labels = data.labels._replace(observed=np.full_like(data.labels.observed, observed))
    same = replace(data, labels=labels)
    assert fill_attributes(same, tmp_path, QUIET, TrainerOptions()) == (same, 0.0)


def test_the_network_learns_from_images_with_attribute_labels_alone(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = []

    def run(fit: NetworkFit) -> object:
        seen.append(fit.data)
        return ConstantLogits(), [{"seconds": 0.0}]

    monkeypatch.setattr(NetworkFit, "run", run)
    fill_attributes(data, tmp_path, QUIET, TrainerOptions())
    (labelled,) = seen
    assert len(labelled.training) < len(data.training)
    assert all(batch.observed.any(dim=1).all() for batch in labelled.training_batches(0, 3))
    assert all((batch.categories < 0).all() for batch in labelled.training_batches(0, 3))


def test_only_a_code_head_with_dropout_gets_more_of_it():
    plain = attribute_config(make_config(head_settings={"units": 12}))
    assert plain.head_settings == {"units": 12}
    with_dropout = attribute_config(make_config(head_settings={"units": 12, "dropout": 0.3}))
    assert with_dropout.head_settings == {"units": 12, "dropout": 0.7}


def test_a_resumed_training_gives_the_same_model(tiny: Catalogue, tmp_path: Path):
    whole = train(tiny, CONFIG, tmp_path / "whole", display=QUIET)
    with pytest.raises(KeyboardInterrupt):
        train(
            tiny,
            CONFIG,
            tmp_path / "stopped",
            display=StopAt("writing the model", KeyboardInterrupt()),
        )
    resumed = train(tiny, CONFIG, tmp_path / "stopped", resume=True, display=QUIET)
    assert resumed.hash == whole.hash
    unfilled = CONFIG.model_copy(update={"fill_attributes": False})
    assert train(tiny, unfilled, tmp_path / "unfilled", display=QUIET).hash != whole.hash


def test_another_attribute_loss_is_refused():
    with pytest.raises(ValueError, match="takes no probabilities: fill_attributes"):
        make_config(fill_attributes=True, attribute_loss="hinge")
