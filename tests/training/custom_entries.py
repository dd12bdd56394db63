"""Custom entries of every kind, in a module as a user would write it."""

import torch
from torch import Tensor, nn

from dualhash.baselines import METHODS
from dualhash.features.registry import EXTRACTORS
from dualhash.losses import ATTRIBUTE_LOSSES, CATEGORY_LOSSES, AttributeCounts, softmax_loss
from dualhash.network import BACKBONES, CODE_HEADS, HASH_LAYERS, Backbone, HashLayer
from dualhash.training.method import NetworkMethod
from tests.training.tiny_training import TINY, TinyNetwork


@EXTRACTORS.register("custom-means")
class Means(nn.Module):
    """Mean colours of four quarters."""

    size = (8, 8)

    def __init__(self, image_size: tuple[int, int]) -> None:
        super().__init__()
        assert image_size == (16, 12)
        self.pool = nn.AdaptiveAvgPool2d(2)

    def forward(self, images: Tensor) -> Tensor:
        return self.pool(images.permute(0, 3, 1, 2).float()).flatten(1)


@CODE_HEADS.register("custom-head")
class Doubled(nn.Module):
    def __init__(self, features: int, width: int = 5) -> None:
        super().__init__()
        self.linear = nn.Linear(features, width)

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([self.linear(features).tanh(), features], dim=1)


@HASH_LAYERS.register("custom-layer")
class Inverted(HashLayer):
    def forward(self, features: Tensor) -> Tensor:
        return 1 - super().forward(features)


@CATEGORY_LOSSES.register("custom-centres")
class Centres(nn.Module):
    """Softmax, and the distance from learned centres."""

    def __init__(self, bits: int, categories: int, weight: float = 0.5) -> None:
        super().__init__()
        self.weight = weight
        self.centres = nn.Parameter(torch.full((categories, bits), 0.5))

    def forward(self, outputs: Tensor, categories: Tensor, category_logits: Tensor) -> Tensor:
        known = categories >= 0
        distances = (outputs[known] - self.centres[categories[known]]).square().sum()
        return softmax_loss(category_logits, categories) + self.weight * distances / len(outputs)


@ATTRIBUTE_LOSSES.register("custom-squares")
class Squares(nn.Module):
    def __init__(self, counts: AttributeCounts) -> None:
        super().__init__()

    def forward(self, logits: Tensor, attributes: Tensor) -> Tensor:
        return (logits.sigmoid() - attributes).square()


@BACKBONES.register("custom-backbone")
def backbone() -> Backbone:
    return Backbone("mine", "For tests.", TINY.mean, TINY.std, lambda pretrained: TinyNetwork())


@METHODS.register("custom-method")
def method() -> NetworkMethod:
    return NetworkMethod(
        title="Mine",
        paper="Nobody, Nowhere",
        year=2026,
        labels="both",
        settings={"attribute_loss": Squares.__module__ + ":Squares"},
    )
