from pathlib import Path

import numpy as np
import pytest
import torch

from dualhash import array_cache
from dualhash.catalogue.images import Preprocessing
from dualhash.errors import DualhashError
from dualhash.network import BuiltBackbone, Normalise, build_backbone
from dualhash.training.data.frozen_features import cached_frozen_features
from dualhash.training.data.image_cache import CachedImages

SIZE = Preprocessing(resize=(20, 16), crop=(18, 14))


def make_backbone(seed: int = 0, stages: int = 3) -> BuiltBackbone:
    torch.manual_seed(seed)
    backbone = build_backbone("resnet18-half", pretrained=False, input_size=SIZE.crop)
    backbone.freeze(stages)
    return backbone


@pytest.fixture
def images() -> CachedImages:
    pixels = np.random.default_rng(0).integers(0, 256, (5, *SIZE.resize, 3), dtype=np.uint8)
    return CachedImages(pixels, {}, "images")


def test_upper_stages_on_cached_outputs_match_the_network(images: CachedImages, own_cache: Path):
    own_cache.mkdir()
    backbone = make_backbone()
    frozen = cached_frozen_features(images, SIZE, backbone, own_cache)
    assert isinstance(frozen.values, np.memmap)
    mirrored = np.array([False, True, True])
    rows = np.array([4, 0, 2])
    seen = images.pixels[rows, 1:19, 1:15]
    seen[mirrored] = seen[mirrored, :, ::-1]
    with torch.inference_mode():
        expected = backbone(Normalise(backbone.spec)(torch.from_numpy(seen)))
        found = backbone.upper(frozen.take(rows, mirrored))
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=5e-3)  # float16 in between


def test_frozen_features_are_computed_once(
    images: CachedImages, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    own_cache.mkdir()
    first = cached_frozen_features(images, SIZE, make_backbone(), own_cache)
    monkeypatch.setattr(array_cache, "_create", None)
    again = cached_frozen_features(images, SIZE, make_backbone(), own_cache)
    assert np.array_equal(first.values, again.values)


def test_weights_stages_crops_and_images_select_the_cache(images: CachedImages, own_cache: Path):
    own_cache.mkdir()
    other_images = CachedImages(images.pixels[::-1], {}, "others")
    smaller = Preprocessing(resize=SIZE.resize, crop=(16, 14))
    for given, size, backbone in (
        (images, SIZE, make_backbone()),
        (images, SIZE, make_backbone(seed=1)),
        (images, SIZE, make_backbone(stages=2)),
        (images, smaller, make_backbone()),
        (other_images, SIZE, make_backbone()),
    ):
        cached_frozen_features(given, size, backbone, own_cache)
    assert len(list(own_cache.glob("*.npy"))) == 5


def test_the_cache_does_not_depend_on_upper_weights(images: CachedImages, own_cache: Path):
    own_cache.mkdir()
    backbone = make_backbone()
    cached_frozen_features(images, SIZE, backbone, own_cache)
    backbone.layers.stages[3][0].conv1.weight.data.zero_()
    cached_frozen_features(images, SIZE, backbone, own_cache)
    assert len(list(own_cache.glob("*.npy"))) == 1


def test_an_unwritable_folder_is_named(images: CachedImages, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DualhashError, match="DUALHASH_CACHE"):
        cached_frozen_features(images, SIZE, make_backbone(), tmp_path / "file" / "cache")
