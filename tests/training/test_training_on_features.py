"""Training a code head on kept features."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.codes.model import Model
from dualhash.features.extractor import Extractor
from dualhash.features.registry import open_extractor
from dualhash.network import FeatureNetwork
from dualhash.progress import Display, Step
from dualhash.training.config import TrainConfig
from dualhash.training.data import prepare_data as prepare_module
from dualhash.training.data.training_data import iterations_of
from dualhash.training.initial_network import category_bits
from dualhash.training.presets import preset_config
from dualhash.training.pretrain import pretrain
from dualhash.training.train import train
from tests.features.mean_extractor import mean_extractor
from tests.training.tiny_training import HEIGHT, QUIET, WIDTH, make_config

HEAD = {
    "features": "mean",
    "head_settings": {"units": 12},
    "hash_layer": "straight-through",
    "category_head": "cosine",
    "category_loss": "cosine-margin",
    "optimiser": "adamw",
    "shuffled_images": 16,
}


@pytest.fixture(scope="module", autouse=True)
def extractor() -> Iterator[Extractor]:
    """The extractor "mean", and every other as it is."""
    mean = mean_extractor((HEIGHT, WIDTH))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            prepare_module,
            "open_extractor",
            lambda name, *rest: mean if name == "mean" else open_extractor(name, *rest),
        )
        yield mean


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tiny: Catalogue) -> Model:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(tmp_path_factory.mktemp("cache")))
        return train(
            tiny, make_config(**HEAD), tmp_path_factory.mktemp("out") / "model", display=QUIET
        )


def test_the_encoder_contains_extractor_and_head(model: Model, tiny: Catalogue):
    outputs = model.encode(tiny.images[:5])
    assert outputs.reals.shape == (5, 16)
    assert model.card.backbone == "mean"
    assert model.card.preprocessing.crop == (HEIGHT, WIDTH)
    assert model.card.training["encoder"]["equal_bits"] == 1.0


def test_the_model_can_be_used_as_extractor(model: Model, extractor: Extractor, tmp_path: Path):
    images = np.random.default_rng(0).integers(0, 256, (3, HEIGHT, WIDTH, 3), np.uint8)
    again = open_extractor(str(model.folder), (HEIGHT, WIDTH), tmp_path)
    np.testing.assert_array_equal(again.extract(images), extractor.extract(images))


def test_the_stored_category_head_ranks_like_cosines(model: Model):
    """All codes have the same length, so the norm of each stored weight is the scale over it."""
    norms = np.linalg.norm(model.category_head.weight, axis=1)
    np.testing.assert_allclose(norms, 2 * 16.0 / np.sqrt(16), rtol=1e-5)
    ones = np.ones((1, 16), bool)
    flipped = model.category_head.scores(ones) + model.category_head.scores(~ones)
    np.testing.assert_allclose(flipped, 0, atol=1e-4)


def test_shared_out_bits(tiny: Catalogue, tmp_path: Path):
    """Each exported head gives weight to its own bits only; the card says which bits rank."""
    shared = train(
        tiny, make_config(**HEAD, category_share=0.5), tmp_path / "shared", display=QUIET
    )
    assert shared.card.ranking_bits == 8
    assert shared.category_head.weight.shape[1] == shared.attribute_head.weight.shape[1] == 16
    assert (shared.category_head.weight[:, 8:] == 0).all()
    assert (shared.attribute_head.weight[:, :8] == 0).all()
    assert shared.category_head.weight[:, :8].any(axis=1).all()
    assert shared.attribute_head.weight[:, 8:].any(axis=1).all()


@pytest.mark.parametrize(
    ("bits", "share", "expected"),
    [(256, 0.5, 128), (64, 0.5, 32), (16, 0.5, 8), (24, 0.5, 16), (40, 0.01, 8), (40, 0.99, 32)],
)
def test_a_share_of_the_bits_is_a_multiple_of_8(bits: int, share: float, expected: int):
    names = LabelNames(("cat", "dog"), ("red",))
    config = TrainConfig(bits=bits, category_share=share)
    assert category_bits(config, names) == expected


def test_bits_are_not_shared_out_without_need():
    both = LabelNames(("cat", "dog"), ("red",))
    assert category_bits(TrainConfig(bits=64), both) is None
    assert category_bits(TrainConfig(bits=8, category_share=0.5), both) is None
    half = TrainConfig(bits=64, category_share=0.5)
    assert category_bits(half, LabelNames((), ("red",))) is None
    assert category_bits(half, LabelNames(("cat", "dog"), ())) is None


def test_the_same_seed_gives_the_same_model(model: Model, tiny: Catalogue, tmp_path: Path):
    again = train(tiny, make_config(**HEAD), tmp_path / "model", display=QUIET)
    assert again.hash == model.hash


def test_dph_trains_on_features(tiny: Catalogue, tmp_path: Path):
    """Softmax, a sigmoid layer and SGD by overriding settings of the preset."""
    config = preset_config(
        "features",
        features="mean",
        head_settings={"units": 0},
        hash_layer="sigmoid",
        category_head="linear",
        category_loss="softmax",
        optimiser="sgd",
        schedule="step",
        lr_new=0.01,
        bits=16,
        shuffled_images=16,
        iterations=4,
        validation_every=2,
    )
    model = train(tiny, config, tmp_path / "model", display=QUIET)
    assert TrainConfig(**model.card.config) == config
    assert model.bits == 16


class Bars(Display):
    """Records the title and the last progress of each bar."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.last: dict[str, tuple[int, int]] = {}

    @contextmanager
    def bar(self, title: str) -> Iterator[Step]:
        def step(done: int, total: int, figures: str = "") -> None:
            self.last[title] = (done, total)

        yield step


def test_progress_of_auto_alpha_includes_trials_and_training(tiny: Catalogue, tmp_path: Path):
    """Each of three trials has 2 of 8 iterations, so that at most 14 are to be done."""
    config = make_config(
        **HEAD, alpha="auto", alphas=(0.0, 0.1, 1.0), alpha_tolerance=0.99, iterations=8
    )
    bars = Bars()
    model = train(tiny, config, tmp_path / "model", display=bars)
    assert [trial["alpha"] for trial in model.card.training["alpha_trials"]] == [0.0, 0.1, 1.0]
    assert list(bars.last.items())[-4:] == [
        ("alpha 0, trial 1 of at most 3", (2, 14)),
        ("alpha 0.1, trial 2 of at most 3", (4, 14)),
        ("alpha 1, trial 3 of at most 3", (6, 14)),
        ("training", (8, 8)),
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"category_loss": "cosine-margin"}, "needs the category head cosine"),
        ({"features": "mean", "frozen_stages": 1, "pretrained": True}, "features replaces"),
        ({"features": "mean", "weights": "folder"}, "features replaces"),
    ],
)
def test_contradicting_settings_are_refused(settings: dict, message: str):
    with pytest.raises(ValueError, match=message):
        make_config(**settings)


def test_pretraining_ignores_features(tiny: Catalogue, tmp_path: Path, tiny_backbone: None):
    card = pretrain(tiny, make_config(**HEAD), tmp_path / "weights", display=QUIET)
    assert card.config["features"] is None


def test_a_hidden_layer_standardises_its_input():
    torch.manual_seed(0)
    features = (5 + 3 * torch.randn(1000, 4)).half()
    standardised = FeatureNetwork(features, settings={"units": 0})(features)
    torch.testing.assert_close(standardised.mean(dim=0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(standardised.std(dim=0), torch.ones(4), atol=1e-3, rtol=0)
    constant = FeatureNetwork(torch.full((10, 2), 3.0), settings={"units": 0})(
        torch.full((1, 2), 3.0)
    )
    assert constant.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(("images", "expected"), [(1000, 100), (40, 30)])
def test_short_trainings_in_epochs_have_a_minimum_length(images: int, expected: int):
    """1,000 images in batches of 100 for 10 epochs are 100 batches, 40 images would be 4."""
    config = make_config(epochs=10, iterations=None, min_iterations=30, shuffled_images=100)
    data = SimpleNamespace(
        config=config, training=np.arange(images), plan=SimpleNamespace(size=100)
    )
    assert iterations_of(data) == expected
