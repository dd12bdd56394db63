"""AlexNet up to fc7, the paper's backbone for ImageNet-150K."""

from torch import nn
from torchvision.models import AlexNet_Weights, alexnet

from dualhash.network.backbone import IMAGENET_MEAN, IMAGENET_STD, Backbone
from dualhash.network.backbones.torchvision_weights import LICENCE, load_torchvision


def build(pretrained: bool) -> nn.Module:
    """conv1 to fc7 with its ReLU, features of 4096 values."""
    network: nn.Module = alexnet(weights=None)
    if pretrained:
        load_torchvision(network, "alexnet", AlexNet_Weights.IMAGENET1K_V1)
    network.set_submodule("classifier.6", nn.Identity())
    return network


ALEXNET = Backbone(
    name="alexnet",
    summary=(
        "AlexNet (Krizhevsky et al. 2012), conv1 to fc7, as in section 4.1. Deviations: "
        "torchvision's one-tower version without local response normalisation, RGB on 0..1 with "
        "ImageNet's mean and deviation and 224x224 crops, where the paper's Caffe network takes "
        "BGR on 0..255 less a mean image and 227x227 crops; dropout stands before fc6 and fc7, "
        "not after them."
    ),
    input_size=(224, 224),
    resize=(256, 256),
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    feature_size=4096,
    weights="torchvision hub, ImageNet-1K",
    licence=LICENCE,
    pretrained_layers="conv1 to fc7",
    build=build,
)
