"""Comparison methods on kept features."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualhash.baselines import METHODS, find_method
from dualhash.baselines.common.features import Features
from dualhash.baselines.common.hash_function import HashFunction
from dualhash.baselines.common.shallow_method import ShallowMethod
from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes import Model
from dualhash.training.data import prepare_data as prepare_module
from dualhash.training.presets import preset_config
from dualhash.training.train import train
from tests.features.mean_extractor import grid_extractor
from tests.training.tiny_training import HEIGHT, QUIET, WIDTH, make_catalogue

CONFIG = preset_config(
    "features",
    features="grid",
    head_settings={"units": 12},
    bits=16,
    shuffled_images=16,
    iterations=2,
    validation_every=1,
    validation_fraction=0.2,
)


@pytest.fixture(autouse=True, scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    grid = grid_extractor((HEIGHT, WIDTH), 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(prepare_module, "open_extractor", lambda *_: grid)
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return make_catalogue(tmp_path_factory.mktemp("tiny"), images=120)


def learn(name: str, catalogue: Catalogue, out: Path, base: Path | None = None) -> Model:
    return train(catalogue, CONFIG, out, method=find_method(name, base), display=QUIET)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "svm-binary"])
def test_a_method_learns_from_kept_features(name: str, tiny: Catalogue, tmp_path: Path):
    model = learn(name, tiny, tmp_path / name)
    assert model.card.method == name
    assert model.card.backbone == "grid"
    assert model.card.training["encoder"]["equal_bits"] == 1.0
    outputs = model.encode(tiny.images[:5]).reals
    assert outputs.shape == (5, model.bits)
    assert len(np.unique(outputs > 0.5, axis=0)) > 1


def test_svm_binary_reads_a_model_on_kept_features(tiny: Catalogue, tmp_path: Path):
    base = learn("ssdh", tiny, tmp_path / "ssdh")
    model = learn("svm-binary", tiny, tmp_path / "svm", base.folder)
    assert model.card.backbone == "grid"
    images = tiny.images[:5]
    np.testing.assert_array_equal(model.encode(images).codes, base.encode(images).codes)


def test_shallow_methods_read_standardised_features(tiny: Catalogue, tmp_path: Path):
    """As they are, all features are at least 0; standardised, each has a mean near 0."""
    seen = []
    lsh = find_method("lsh")
    assert isinstance(lsh, ShallowMethod)

    def fit(features: Features, *rest: Any) -> HashFunction:
        seen.append(features.values)
        return lsh.fit(features, *rest)

    train(tiny, CONFIG, tmp_path / "lsh", method=replace(lsh, fit=fit), display=QUIET)
    np.testing.assert_allclose(np.linalg.norm(seen[0], axis=1), 1, rtol=1e-5)
    assert np.abs(seen[0].mean(axis=0)).max() < 0.05
