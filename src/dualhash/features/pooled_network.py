"""A frozen network whose layers are pooled into one feature vector per image.

Categories are read best from the top of a network, attributes such as texture, material and colour
from lower layers. The features therefore join several depths (Babenko and Lempitsky, "Aggregating
Deep Convolutional Features for Image Retrieval", ICCV 2015, for the pooling).
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from dualhash.features.colour import ColourStatistics

DEPTHS = 4
"""Depths at which a transformer's blocks are read, evenly spaced, the last block included."""


def pooled(network: nn.Module) -> "PooledNetwork":
    """The `PooledNetwork` of a network of timm, with the normalisation of its weights."""
    config = pretrained_config(network)
    return PooledNetwork(network, config["mean"], config["std"])


def pretrained_config(network: nn.Module) -> Mapping[str, Any]:
    """What timm knows of a network's weights: `mean`, `std`, `input_size`, ..."""
    return cast("Mapping[str, Any]", network.pretrained_cfg)


class InFloat16(nn.Module):
    """The features of a network in float16, as they are kept."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, d) float16 of RGB images, uint8 (N, H, W, 3)."""
        features: Tensor = self.network(images)
        return features.clamp(-65504, 65504).half()


class PooledNetwork(nn.Module):
    """Features of RGB images: pooled layers of a timm network, and colour statistics.

    A convolutional network gives the mean of each of its levels and the maximum of the levels in
    its first half; a transformer gives the class token, if it has one, and the mean of the patches
    at `DEPTHS` depths. Both add the network's own pooled top.

    Args:
        network: From `timm.create_model(..., num_classes=0)`.
        mean: Means of R, G and B that the network expects to be subtracted, in [0, 1].
        std: Standard deviations of R, G and B that it expects to be divided by, in [0, 1].
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network: Any = network
        self.colours = ColourStatistics()
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(std).view(1, 3, 1, 1))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, d) float16 of RGB images, uint8 (N, H, W, 3)."""
        return self.features(images).clamp(-65504, 65504).half()

    def features(self, images: Tensor) -> Tensor:
        """The same features in float32."""
        pixels = self.normalised(images)
        pooled = self._tokens(pixels) if self._is_transformer else self._levels(pixels)
        return torch.cat([*pooled, self.colours(images)], dim=1)

    def normalised(self, images: Tensor) -> Tensor:
        """What the network takes, float32 (N, 3, H, W), for such images."""
        return (images.permute(0, 3, 1, 2).float() - self.mean) / self.std

    @property
    def _is_transformer(self) -> bool:
        return hasattr(self.network, "num_prefix_tokens")

    def _levels(self, pixels: Tensor) -> list[Tensor]:
        top, levels = self.network.forward_intermediates(pixels)
        pooled = [level.mean(dim=(2, 3)) for level in levels]
        pooled += [level.amax(dim=(2, 3)) for level in levels[: (len(levels) + 1) // 2]]
        return [*pooled, self.network.forward_head(top, pre_logits=True)]

    def _tokens(self, pixels: Tensor) -> list[Tensor]:
        blocks = len(self.network.blocks)
        depths = [round(blocks * (i + 1) / DEPTHS) - 1 for i in range(DEPTHS)]
        prefixed = self.network.num_prefix_tokens > 0
        top, levels = self.network.forward_intermediates(
            pixels, indices=depths, return_prefix_tokens=prefixed
        )
        patches = [level[0] if prefixed else level for level in levels]
        pooled = [each.mean(dim=(2, 3)) for each in patches]
        if prefixed:
            pooled += [tokens[:, 0] for _, tokens in levels]
        return [*pooled, self.network.forward_head(top, pre_logits=True)]
