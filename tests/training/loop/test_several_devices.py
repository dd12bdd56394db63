"""A training on two devices, here two processes, gives what one device gives."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from dualhash.catalogue.catalogue import Catalogue
from dualhash.errors import DualhashError
from dualhash.training.config import TrainConfig
from dualhash.training.data.prepare_data import prepare_data
from dualhash.training.loop import fill_attributes
from dualhash.training.loop.fit_network import TrainerOptions
from dualhash.training.loop.train_network import TrainedNetwork, train_network
from dualhash.training.presets import preset_config
from dualhash.training.train import train
from tests.training.tiny_training import QUIET, StopAt, log_of, make_config

ONE, TWO = TrainerOptions(), TrainerOptions(devices=2)


def head_config(features: str, **settings: object) -> TrainConfig:
    """The default preset in batches of 15 images: the processes have parts of 8 and 7.

    AdamW would magnify rounding errors: the gradient of a bias below batch normalisation is 0.
    """
    return preset_config(
        "dph+",
        features=features,
        bits=16,
        head_settings={"units": 12, "dropout": 0.0},
        shuffled_images=15,
        optimiser="sgd",
        iterations=6,
        validation_every=2,
        validation_fraction=0.2,
        **settings,
    )


@pytest.fixture
def vectors(tiny: Catalogue, tmp_path: Path) -> Catalogue:
    """Memory-mapped vectors; images of two of the three training subsets lack labels."""
    values = np.random.default_rng(1).standard_normal((len(tiny), 8)) + tiny.categories[:, None]
    np.save(tmp_path / "vectors.npy", values.astype(np.float32))
    return tiny.with_features(np.load(tmp_path / "vectors.npy", mmap_mode="r"))


@pytest.fixture(autouse=True)
def no_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_attributes, "DROPOUT", 0.0)


def assert_same(one: TrainedNetwork, two: TrainedNetwork, logs: tuple[Path, Path]) -> None:
    assert_same_logs(*logs)
    states = [each.network.state_dict() for each in (one, two)]
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-4, atol=1e-5)


def assert_same_logs(*folders: Path) -> None:
    logs = [[[float(value) for value in row.values()] for row in log_of(each)] for each in folders]
    np.testing.assert_allclose(logs[1], logs[0], rtol=1e-4)


def test_a_backbone_learns_the_same_on_two_devices(tiny: Catalogue, tmp_path: Path):
    """The triplet loss compares images of both processes and does not use the category head."""
    config = make_config(
        backbone="resnet18-half", category_loss="triplet", lr_new=0.005, precision="fp32"
    )
    data = prepare_data(tiny, config, QUIET)
    one = train_network(data, tmp_path / "one", QUIET, ONE)
    two = train_network(data, tmp_path / "two", QUIET, TWO)
    assert_same(one, two, (tmp_path / "one", tmp_path / "two"))


def test_a_training_may_continue_on_two_devices(vectors: Catalogue, tmp_path: Path):
    config = head_config("vectors")
    one = train(vectors, config, tmp_path / "one", display=QUIET)
    stop = StopAt("iteration 4", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        train(vectors, config, tmp_path / "two", display=stop)
    two = train(vectors, config, tmp_path / "two", devices=2, resume=True, display=QUIET)
    assert TrainConfig(**two.card.config) == config
    values = np.asarray(vectors.features.values)
    reals = [model.encode_vectors(values).reals for model in (one, two)]
    np.testing.assert_allclose(reals[1], reals[0], rtol=1e-4, atol=1e-5)
    assert_same_logs(one.folder, two.folder)


@pytest.mark.parametrize("devices", [0, 3])
def test_more_devices_than_present_are_refused(
    devices: int, vectors: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(DualhashError, match=f"1 to 2 devices.* not {devices}"):
        train(vectors, make_config(), tmp_path / "model", devices=devices, display=QUIET)
    assert not (tmp_path / "model").exists()
