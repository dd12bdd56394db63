from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dualhash import array_cache
from dualhash.catalogue.images import Preprocessing, load_image
from dualhash.errors import DualhashError
from dualhash.network import BuiltBackbone, Normalise, build_backbone
from dualhash.training.data.frozen_features import cached_frozen_features

SIZE = Preprocessing(resize=(20, 16), crop=(18, 14))


def make_backbone(seed: int = 0, stages: int = 2, name: str = "tiny") -> BuiltBackbone:
    torch.manual_seed(seed)
    backbone = build_backbone(name, pretrained=False, input_size=SIZE.crop)
    backbone.freeze(stages)
    return backbone


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    pixels = np.random.default_rng(0).integers(0, 256, (5, *SIZE.resize, 3), dtype=np.uint8)
    paths = [tmp_path / f"{row}.png" for row in range(len(pixels))]
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(image).save(path)
    return paths


def test_upper_stages_on_cached_outputs_match_the_network(images: list[Path], own_cache: Path):
    backbone = make_backbone(stages=3, name="resnet18-half")
    frozen = cached_frozen_features(images, SIZE, backbone, own_cache)
    assert isinstance(frozen.values, np.memmap)
    mirrored = np.array([False, True, True])
    rows = np.array([4, 0, 2])
    seen = np.stack([load_image(images[row], SIZE) for row in rows])[:, 1:19, 1:15]
    seen[mirrored] = seen[mirrored, :, ::-1]
    with torch.inference_mode():
        expected = backbone(Normalise(backbone.spec)(torch.from_numpy(seen)))
        found = backbone.upper(frozen.take(rows, mirrored))
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=5e-3)  # float16 in between


def test_frozen_features_are_computed_once(
    images: list[Path], own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    first = cached_frozen_features(images, SIZE, make_backbone(), own_cache)
    monkeypatch.setattr(array_cache, "_compute", None)
    again = cached_frozen_features(images, SIZE, make_backbone(), own_cache)
    assert np.array_equal(first.values, again.values)


def test_weights_and_stages_select_the_cache(images: list[Path], own_cache: Path):
    for backbone in (make_backbone(), make_backbone(seed=1), make_backbone(stages=1)):
        cached_frozen_features(images, SIZE, backbone, own_cache)
    assert len(list(own_cache.glob("*.npy"))) == 3


def test_the_cache_does_not_depend_on_upper_weights(images: list[Path], own_cache: Path):
    backbone = make_backbone()
    cached_frozen_features(images, SIZE, backbone, own_cache)
    backbone.layers.stages[2][0].weight.data.zero_()
    cached_frozen_features(images, SIZE, backbone, own_cache)
    assert len(list(own_cache.glob("*.npy"))) == 1


def test_an_unwritable_folder_is_named(images: list[Path], tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DualhashError, match=r"cache.*cannot be written"):
        cached_frozen_features(images, SIZE, make_backbone(), tmp_path / "file" / "cache")


def test_images_that_cannot_be_read_are_listed(images: list[Path], own_cache: Path):
    images[1].write_bytes(b"damaged")
    frozen = cached_frozen_features(images, SIZE, make_backbone(), own_cache)
    assert list(frozen.failed) == [1]
    assert not frozen.values[1].any()
