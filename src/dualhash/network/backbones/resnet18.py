"""ResNet-18 up to its average pooling, the paper's deeper backbone."""

from torch import nn
from torchvision.models import ResNet18_Weights, resnet18

from dualhash.network.backbone import IMAGENET_MEAN, IMAGENET_STD, Backbone
from dualhash.network.backbones.torchvision_weights import LICENCE, load_torchvision


def build(pretrained: bool) -> nn.Module:
    """conv1 to the global average pooling, features of 512 values."""
    network: nn.Module = resnet18(weights=None)
    if pretrained:
        load_torchvision(network, "resnet18", ResNet18_Weights.IMAGENET1K_V1)
    network.set_submodule("fc", nn.Identity())
    return network


RESNET18 = Backbone(
    name="resnet18",
    summary="ResNet-18 (He et al. 2016) without its classifier; takes images of other sizes too.",
    input_size=(224, 224),
    resize=(256, 256),
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    feature_size=512,
    weights="torchvision hub, ImageNet-1K",
    licence=LICENCE,
    pretrained_layers="all but the classifier",
    build=build,
)
