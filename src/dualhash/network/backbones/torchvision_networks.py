"""AlexNet, ResNet-18 and VGG-16, the backbones of the paper, as torchvision has them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import nn
from torchvision.models import (
    AlexNet_Weights,
    ResNet18_Weights,
    VGG16_Weights,
    WeightsEnum,
    alexnet,
    resnet18,
    vgg16,
)

from dualhash.network.backbone import IMAGENET_MEAN, IMAGENET_STD, Backbone
from dualhash.network.weights_download import downloading


def _build(
    model: Callable[..., nn.Module], weights: WeightsEnum, classifier: str, pretrained: bool
) -> nn.Module:
    network = model(weights=None)
    if pretrained:
        file = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(weights.url).path).name
        with downloading(model.__name__, source=weights.url, cache=file):
            state = weights.get_state_dict(
                progress=False, check_hash=True, map_location="cpu", weights_only=True
            )
        network.load_state_dict(state)
    network.set_submodule(classifier, nn.Identity())
    return network


def _describe(
    model: Callable[..., nn.Module],
    weights: WeightsEnum,
    classifier: str,
    *,
    summary: str,
    layers: str,
) -> Backbone:
    """Describes a torchvision model without the layer `classifier`."""
    return Backbone(
        name=model.__name__,
        summary=summary,
        input_size=(224, 224),
        resize=(256, 256),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        weights="torchvision hub, ImageNet-1K",
        licence="not stated by torchvision; its code is BSD-3-Clause, the images are ImageNet's",
        pretrained_layers=layers,
        build=partial(_build, model, weights, classifier),
    )


ALEXNET = _describe(
    alexnet,
    AlexNet_Weights.IMAGENET1K_V1,
    "classifier.6",
    summary=(
        "AlexNet (Krizhevsky et al. 2012), conv1 to fc7, as in section 4.1; the paper's backbone "
        "for ImageNet-150K. Deviations: torchvision's one-tower version without local response "
        "normalisation; RGB on 0..1 with ImageNet's mean and deviation and 224x224 crops, where "
        "the paper's Caffe network takes BGR on 0..255 minus a mean image and 227x227 crops; "
        "dropout before fc6 and fc7, not after them."
    ),
    layers="conv1 to fc7",
)
RESNET18 = _describe(
    resnet18,
    ResNet18_Weights.IMAGENET1K_V1,
    "fc",
    summary=(
        "ResNet-18 (He et al. 2016) without its classifier, the paper's deeper backbone; accepts "
        "images of other sizes too."
    ),
    layers="all but the classifier",
)
VGG16 = _describe(
    vgg16,
    VGG16_Weights.IMAGENET1K_V1,
    "classifier.6",
    summary=(
        "VGG-16 (Simonyan and Zisserman 2015), conv1_1 to fc7: the architecture of the Places "
        "network (Zhou et al. 2017). Deviations: the weights were trained on ImageNet, not on "
        "Places; RGB on 0..1 with ImageNet's mean and deviation, where the Caffe network takes "
        "BGR on 0..255 minus a mean colour."
    ),
    layers="conv1_1 to fc7",
)
