import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dualhash.catalogue.catalogue import Catalogue, Subset
from dualhash.errors import DualhashError
from dualhash.training.export.backbone_weights import WEIGHTS, WEIGHTS_CARD, weights_hash
from dualhash.training.pretrain import pretrain
from dualhash.training.train import train
from tests.training.tiny_training import QUIET, StopAt, log_of, make_config

CONFIG = make_config()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, tiny: Catalogue) -> Path:
    out = tmp_path_factory.mktemp("pretrained") / "trunk"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(tmp_path_factory.mktemp("cache")))
        pretrain(tiny, CONFIG, out, display=QUIET)
    return out


def test_the_card_describes_the_training(weights: Path, tiny: Catalogue):
    card = json.loads((weights / WEIGHTS_CARD).read_text())
    assert card["category_names"] == list(tiny.names.categories)
    assert card["label_hash"] == tiny.label_hash
    assert (card["config"]["learns"], card["config"]["hash_layer"]) == ("category", "none")
    shown = tiny.rows(Subset.TRAIN_BOTH, Subset.TRAIN_CATEGORY)
    training = card["training"]
    assert training["images"] + training["validation_images"] == len(shown)
    assert 0 < training["best"]["category_map"] <= 1


def test_only_the_weights_are_left(weights: Path):
    assert sorted(path.name for path in weights.iterdir()) == [WEIGHTS_CARD, WEIGHTS, "log.csv"]
    assert [path.name for path in weights.parent.iterdir()] == ["trunk"]


def test_a_resumed_pretraining_gives_the_same_weights(
    weights: Path, tiny: Catalogue, tmp_path: Path
):
    out = tmp_path / "trunk"
    with pytest.raises(KeyboardInterrupt):
        pretrain(tiny, CONFIG, out, display=StopAt("iteration 4", KeyboardInterrupt()))
    pretrain(tiny, CONFIG, out, resume=True, display=QUIET)
    first, again = load_file(weights / WEIGHTS), load_file(out / WEIGHTS)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert log_of(weights) == log_of(out)
    before = (out / WEIGHTS).stat().st_mtime_ns
    assert pretrain(tiny, CONFIG, out, resume=True, display=QUIET).label_hash == tiny.label_hash
    assert (out / WEIGHTS).stat().st_mtime_ns == before


def test_the_hash_depends_only_on_the_weights(weights: Path, tmp_path: Path):
    tensors = load_file(weights / WEIGHTS)
    for name in ("same", "other"):
        (tmp_path / name).mkdir()
    save_file(tensors, tmp_path / "same" / WEIGHTS, {"card": "of another day"})
    first = sorted(tensors)[0]
    save_file({**tensors, first: tensors[first] + 1}, tmp_path / "other" / WEIGHTS)
    assert weights_hash(tmp_path / "same") == weights_hash(weights) != weights_hash(None)
    assert weights_hash(tmp_path / "other") != weights_hash(weights)


def test_test_images_and_excluded_categories_are_not_used(tiny: Catalogue, tmp_path: Path):
    """Whatever is in them, the weights are the same."""
    hidden = np.isin(tiny.subsets, (1, 3)) | (tiny.categories == 1)
    shuffled = tiny.attributes.copy()
    shuffled[hidden] = 1 - shuffled[hidden]
    categories = np.where(tiny.subsets == 3, 0, tiny.categories)
    other = replace(tiny, attributes=shuffled, categories=categories)
    config = make_config(without_categories=("c1",))
    cards = [
        pretrain(catalogue, config, tmp_path / name, display=QUIET)
        for catalogue, name in ((tiny, "a"), (other, "b"))
    ]
    assert cards[0].category_names == ("c0", "c2")
    assert cards[0].without_categories == ("c1",)
    a, b = (load_file(tmp_path / name / WEIGHTS) for name in "ab")
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_training_starts_from_the_weights(weights: Path, tiny: Catalogue, tmp_path: Path):
    """With a rate of 0 for what came with weights, the backbone is still what was pretrained."""
    config = make_config(
        weights=str(weights), lr_pretrained=1e-30, iterations=1, validation_every=1
    )
    train(tiny, config, tmp_path / "m", keep_checkpoints=True, display=QUIET)
    best = torch.load(tmp_path / "m.training" / "best.ckpt", weights_only=True)["state_dict"]
    pretrained = load_file(weights / WEIGHTS)
    learned = [name for name in pretrained if "running" not in name and "num_batches" not in name]
    for name in learned:
        torch.testing.assert_close(best[f"network.backbone.{name}"], pretrained[name])


def test_frozen_stages_are_unchanged_and_exported(weights: Path, tiny: Catalogue, tmp_path: Path):
    config = make_config(weights=str(weights), frozen_stages=2, lr_pretrained=0.05)
    model = train(tiny, config, tmp_path / "m", keep_checkpoints=True, display=QUIET)
    best = torch.load(tmp_path / "m.training" / "best.ckpt", weights_only=True)["state_dict"]
    pretrained = load_file(weights / WEIGHTS)
    for name, tensor in pretrained.items():
        frozen = name.startswith(("layers.stem", "layers.stages.0.", "layers.stages.1."))
        same = torch.equal(best[f"network.backbone.{name}"], tensor)
        assert same == frozen, name
    assert model.encode(tiny.images[:3]).reals.shape == (3, 16)


def test_a_resumed_training_with_frozen_stages_gives_the_same_model(
    weights: Path, tiny: Catalogue, tmp_path: Path
):
    config = make_config(weights=str(weights), frozen_stages=1)
    undisturbed = train(tiny, config, tmp_path / "a", display=QUIET)
    with pytest.raises(KeyboardInterrupt):
        train(tiny, config, tmp_path / "b", display=StopAt("iteration 4", KeyboardInterrupt()))
    resumed = train(tiny, config, tmp_path / "b", resume=True, display=QUIET)
    assert resumed.hash == undisturbed.hash


def test_weights_can_be_read_from_a_checkpoint(tiny: Catalogue, tmp_path: Path):
    train(tiny, make_config(iterations=1), tmp_path / "a", keep_checkpoints=True, display=QUIET)
    config = make_config(weights=str(tmp_path / "a.training"), frozen_stages=1, iterations=1)
    model = train(tiny, config, tmp_path / "b", display=QUIET)
    assert len(model.card.training["weights_hash"]) == 64


def test_training_with_other_weights_is_not_resumed(weights: Path, tiny: Catalogue, tmp_path: Path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / WEIGHTS).write_bytes((weights / WEIGHTS).read_bytes())
    config = make_config(weights=str(mine))
    with pytest.raises(KeyboardInterrupt):
        train(tiny, config, tmp_path / "m", display=StopAt("iteration 4", KeyboardInterrupt()))
    pretrain(tiny, make_config(iterations=2), mine, replace=True, display=QUIET)
    with pytest.raises(DualhashError, match="began with other weights"):
        train(tiny, config, tmp_path / "m", resume=True, display=QUIET)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": "nowhere"}, "nowhere holds no weights"),
        ({"weights": "damaged"}, "is damaged"),
        ({"weights": "trunk", "backbone": "face10"}, "does not hold the weights of 'face10'"),
        ({"weights": "trunk", "frozen_stages": 3}, "has 3 stages"),
        ({"without_categories": ("c9",)}, "no category 'c9' to leave out"),
    ],
)
def test_unusable_weights_are_refused(
    weights: Path, tiny: Catalogue, tmp_path: Path, settings: dict[str, object], message: str
):
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / WEIGHTS).write_bytes(b"no tensors")
    if place := settings.get("weights"):
        settings = settings | {"weights": str(weights if place == "trunk" else tmp_path / place)}
    with pytest.raises(DualhashError, match=message):
        train(tiny, make_config(**settings), tmp_path / "m", display=QUIET)
    assert not (tmp_path / "m").exists()


def test_weights_are_replaced_only_with_the_option(weights: Path, tiny: Catalogue):
    with pytest.raises(DualhashError, match="--replace"):
        pretrain(tiny, CONFIG, weights, display=QUIET)
