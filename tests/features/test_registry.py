from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from dualhash.errors import DualhashError
from dualhash.features import registry
from dualhash.features.installed_weights import network_with_installed_weights
from dualhash.features.onnx_graphs import cut, join
from dualhash.features.pooled_network import PooledNetwork
from dualhash.features.registry import EXTRACTORS, extraction_size, open_extractor
from tests.features.mean_extractor import mean_extractor

SMALL = (20, 20)


def test_registry_lists_the_extractors():
    assert list(EXTRACTORS) == ["efficientnet-lite0", "efficientnet-lite2"]


@pytest.mark.parametrize("name", EXTRACTORS)
def test_built_in_extractors_match_torch(name: str, tmp_path: Path):
    extractor = open_extractor(name, SMALL, tmp_path)
    assert extractor.preprocessing.crop == (32, 32)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    network = PooledNetwork(network_with_installed_weights(name), (0.5,) * 3, (0.5,) * 3)
    with torch.inference_mode():
        expected = network(torch.from_numpy(images)).numpy()
    found = extractor.extract(images)
    assert found.shape == (3, extractor.size)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)


def test_an_exported_graph_is_cached(tmp_path: Path, monkeypatch):
    first = open_extractor("efficientnet-lite0", SMALL, tmp_path)
    monkeypatch.setattr(torch.onnx, "export", None)
    assert open_extractor("efficientnet-lite0", SMALL, tmp_path).hash == first.hash


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("vit_tiny_patch16_224", 2 * 4 * 192 + 192),
        ("vit_base_patch16_siglip_224", 4 * 768 + 768),
        ("vit_small_patch16_dinov3", 2 * 4 * 384 + 384),
        ("resnet18", 64 + 64 + 128 + 256 + 512 + 64 + 64 + 128 + 512),
    ],
)
def test_feature_maps_and_tokens_are_pooled(name: str, tokens: int):
    network = timm.create_model(name, num_classes=0)
    size = network.pretrained_cfg["input_size"][1:]
    pooled = PooledNetwork(network, (0.5,) * 3, (0.5,) * 3)
    with torch.inference_mode():
        features = pooled(torch.zeros(1, *size, 3, dtype=torch.uint8))
    assert features.shape == (1, tokens + pooled.colours.size)
    assert features.dtype == torch.float16


def test_a_timm_network_without_weights_is_refused(tmp_path: Path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise OSError("no network here")

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(DualhashError, match=r"'timm:resnet18' cannot be fetched: no network here"):
        open_extractor("timm:resnet18", SMALL, tmp_path)
    with pytest.raises(DualhashError, match=r"timm has no network .resnet19.\. Did you mean"):
        open_extractor("timm:resnet19", SMALL, tmp_path)


def test_a_timm_network_is_exported(tmp_path: Path, monkeypatch):
    create = timm.create_model
    monkeypatch.setattr(
        timm, "create_model", lambda name, pretrained, **options: create(name, **options)
    )
    extractor = open_extractor("timm:resnet10t", SMALL, tmp_path)
    images = np.zeros((2, 32, 32, 3), np.uint8)
    assert extractor.extract(images).shape == (2, extractor.size)


def test_unknown_extractors_are_refused(tmp_path: Path):
    with pytest.raises(DualhashError, match=r"no extractor .efficientnet-lite9.\. Did you mean"):
        open_extractor("efficientnet-lite9", SMALL, tmp_path)


@pytest.mark.parametrize(
    ("image", "extracted"),
    [
        ((80, 60), (128, 96)),
        ((72, 72), (128, 128)),
        ((224, 224), (224, 224)),
        ((3, 400), (32, 224)),
    ],
)
def test_extraction_size(image: tuple[int, int], extracted: tuple[int, int]):
    assert extraction_size(image) == extracted


def test_joined_graphs_can_be_split():
    class Head(torch.nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return features.float() / 255

    from dualhash.features.onnx_export import export_module

    lower = mean_extractor()
    example = torch.zeros(2, 3, dtype=torch.float16)
    upper = export_module(Head(), example, input_name="features", output_name="outputs")
    joined = join(lower.graph, upper, "features")
    again = registry.Extractor("cut", cut(joined, "features"), lower.preprocessing)
    images = np.random.default_rng(0).integers(0, 256, (2, 6, 4, 3), np.uint8)
    np.testing.assert_array_equal(again.extract(images), lower.extract(images))
    with pytest.raises(DualhashError, match="no value named 'elsewhere'"):
        cut(joined, "elsewhere")
