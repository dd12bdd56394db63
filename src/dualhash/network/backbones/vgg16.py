"""VGG-16 up to fc7, the shape of the Places network."""

from torch import nn
from torchvision.models import VGG16_Weights, vgg16

from dualhash.network.backbone import IMAGENET_MEAN, IMAGENET_STD, Backbone
from dualhash.network.backbones.torchvision_weights import LICENCE, load_torchvision


def build(pretrained: bool) -> nn.Module:
    """conv1_1 to fc7 with its ReLU and dropout, features of 4096 values."""
    network: nn.Module = vgg16(weights=None)
    if pretrained:
        load_torchvision(network, "vgg16", VGG16_Weights.IMAGENET1K_V1)
    network.set_submodule("classifier.6", nn.Identity())
    return network


VGG16 = Backbone(
    name="vgg16",
    summary=(
        "VGG-16 (Simonyan and Zisserman 2015), conv1_1 to fc7: the shape of the Places network "
        "(Zhou et al. 2017). Deviations: the weights were learnt on ImageNet, not on Places, and "
        "images are RGB on 0..1 with ImageNet's mean and deviation, where the Caffe network takes "
        "BGR on 0..255 less a mean colour."
    ),
    input_size=(224, 224),
    resize=(256, 256),
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    feature_size=4096,
    weights="torchvision hub, ImageNet-1K",
    licence=LICENCE,
    pretrained_layers="conv1_1 to fc7",
    build=build,
)
