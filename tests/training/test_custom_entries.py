"""Trainings with custom extractors, heads, layers, losses, backbones and methods."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dualhash.baselines import find_method
from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.training.config import TrainConfig
from dualhash.training.train import train
from tests.training import custom_entries as custom
from tests.training.tiny_training import QUIET, StopAt, make_config

CUSTOM = custom.__name__
ON_FEATURES = {
    "features": custom.Means,
    "code_head": custom.Doubled,
    "head_settings": {"width": 7},
    "hash_layer": custom.Inverted,
    "category_loss": custom.Centres,
    "loss_settings": {"weight": 0.25},
    "attribute_loss": custom.Squares,
}
PATHS = {
    "features": f"{CUSTOM}:Means",
    "code_head": f"{CUSTOM}:Doubled",
    "hash_layer": f"{CUSTOM}:Inverted",
    "category_loss": f"{CUSTOM}:Centres",
    "attribute_loss": f"{CUSTOM}:Squares",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tiny: Catalogue) -> Model:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(tmp_path_factory.mktemp("cache")))
        config = make_config(**ON_FEATURES)
        return train(tiny, config, tmp_path_factory.mktemp("out") / "model", display=QUIET)


def test_objects_names_and_paths_are_the_same_settings():
    names = {
        "features": "custom-means",
        "code_head": "custom-head",
        "hash_layer": "custom-layer",
        "category_loss": "custom-centres",
        "attribute_loss": "custom-squares",
    }
    assert make_config(**ON_FEATURES) == make_config(**ON_FEATURES | names)
    assert make_config(**ON_FEATURES) == make_config(**ON_FEATURES | PATHS)
    assert make_config(backbone=custom.backbone).backbone == f"{CUSTOM}:backbone"


def test_the_model_keeps_import_paths(model: Model):
    assert {name: model.card.config[name] for name in PATHS} == PATHS
    assert model.card.config["head_settings"] == {"width": 7}
    assert model.card.preprocessing.crop == custom.Means.size


def test_parameters_of_a_loss_are_learned_and_resumed(model: Model, tiny: Catalogue, tmp_path):
    out, config = tmp_path / "model", TrainConfig(**model.card.config)
    with pytest.raises(KeyboardInterrupt):
        train(tiny, config, out, display=StopAt("iteration 4", KeyboardInterrupt()))
    resumed = train(tiny, config, out, resume=True, display=QUIET)
    assert resumed.hash == model.hash


def test_encoding_does_not_need_the_code(model: Model, tiny: Catalogue, tmp_path: Path):
    program = (
        "import sys; from pathlib import Path; from dualhash import Model\n"
        f"sys.modules[{CUSTOM!r}] = sys.modules['torch'] = None\n"
        "encoded = Model.open(sys.argv[1]).encode([Path(sys.argv[2])])\n"
        "print(encoded.reals.tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, model.folder, tiny.images[0]],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert not done.returncode, done.stderr
    assert done.stdout.strip() == str(model.encode(tiny.images[:1]).reals.tolist())


@pytest.mark.parametrize("name", PATHS)
def test_a_path_that_is_gone_is_refused_before_images_are_read(
    tiny: Catalogue, tmp_path: Path, name: str
):
    config = make_config(**ON_FEATURES | {name: "gone_from_here:Thing"})
    with pytest.raises(DualhashError, match="'gone_from_here:Thing' cannot be imported"):
        train(tiny, config, tmp_path / "model", display=QUIET)
    assert not (tmp_path / "model").exists()


def test_custom_backbone_and_method_are_found_again(tiny: Catalogue, tmp_path: Path):
    config = make_config(backbone="custom-backbone", iterations=2)
    first = train(tiny, config, tmp_path / "a", method=find_method("custom-method"), display=QUIET)
    assert first.card.method == f"{CUSTOM}:method"
    assert first.card.config["backbone"] == f"{CUSTOM}:backbone"
    assert first.card.config["attribute_loss"] == f"{CUSTOM}:Squares"
    second = train(tiny, TrainConfig(**first.card.config), tmp_path / "b", display=QUIET)
    assert (second.hash, second.card.method) == (first.hash, first.card.method)


def test_settings_of_a_comparison_method_need_the_method(tiny: Catalogue, tmp_path: Path):
    with pytest.raises(DualhashError, match=r"pass method=dualhash.baselines.find_method\('ssdh'"):
        train(tiny, make_config(method="ssdh"), tmp_path / "model", display=QUIET)


class Flat(custom.Means):
    def forward(self, images):
        return images.float()


class Maps(custom.Doubled):
    def forward(self, features):
        return features[:, :, None]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"features": Flat}, r"maps images \(2, 8, 8, 3\) to \(2, 8, 8, 3\); it must give one"),
        ({"code_head": Maps}, r"maps features \(2, 12\) to \(2, 12, 1\); it must give one vector"),
    ],
)
def test_outputs_that_are_not_vectors_are_refused(
    tiny: Catalogue, tmp_path: Path, settings: dict, message: str
):
    with pytest.raises(DualhashError, match=message):
        train(tiny, make_config(**ON_FEATURES | settings), tmp_path / "model", display=QUIET)


class Unexportable(custom.Doubled):
    def forward(self, features):
        return super().forward(features) * torch.linalg.eigvals(features.T @ features).real.max()


class UnexportableLayer(custom.Inverted):
    def forward(self, features):
        return super().forward(features) * torch.linalg.eigvals(features.T @ features).real.max()


@pytest.mark.parametrize(
    "settings", [{"code_head": Unexportable}, {"hash_layer": UnexportableLayer}]
)
def test_what_onnx_cannot_express_is_refused_before_the_training(
    tiny: Catalogue, tmp_path: Path, settings: dict
):
    config = make_config(**ON_FEATURES | settings)
    display = StopAt("iteration", AssertionError("the training began"))
    with pytest.raises(DualhashError, match="cannot be exported to ONNX"):
        train(tiny, config, tmp_path / "model", display=display)


def test_custom_extractors_of_equal_weights_are_distinguished(model: Model, tmp_path: Path):
    """Extractors without weights differ only in their graphs."""
    from dualhash.features.registry import open_extractor

    image = np.asarray(Image.new("RGB", (8, 8), (1, 2, 3)))[None]
    means = open_extractor("custom-means", (16, 12), tmp_path)
    reversed_ = open_extractor(f"{__name__}:Reversed", (16, 12), tmp_path)
    assert means.extract(image)[0, :1] == 1
    assert reversed_.extract(image)[0, :1] == 3


class Reversed(custom.Means):
    def forward(self, images):
        return super().forward(images.flip(3))
