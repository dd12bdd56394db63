"""A pooled EfficientNet whose top stages are trained on together with a code head."""

from typing import Self

import torch
from torch import Tensor, nn

from dualhash.errors import DualhashError
from dualhash.features.pooled_network import PooledNetwork
from dualhash.network.feature_network import FeatureNetwork
from dualhash.network.staged_network import Activations


class FinetunedNetwork(nn.Module):
    """Images to features to the output of a code head; the top stages are trained.

    The lower stages and the colour statistics are frozen. What they give is computed once per
    image: the feature maps below the trained stages, and all features, of which those of the
    trained stages are then replaced. Batch normalisation keeps the statistics of its weights, so
    that the features are at first those that the head was trained on.

    Args:
        pooled: The features of an EfficientNet of timm.
        stages: Number of top stages to train, with the layers above them.
        head: Trained on these features.

    Raises:
        DualhashError: So many stages cannot be trained.
    """

    pretrained = True

    def __init__(self, pooled: PooledNetwork, stages: int, head: FeatureNetwork) -> None:
        super().__init__()
        network = pooled.network
        self.pooled, self.head, self.feature_size = pooled, head, head.feature_size
        self.frozen = len(network.blocks) - stages
        ends = network.stage_ends
        widths = [level["num_chs"] for level in network.feature_info]
        unchanged = sum(end <= self.frozen for end in ends)
        with_maximum = (len(ends) + 1) // 2
        if unchanged < with_maximum:
            most = len(network.blocks) - ends[with_maximum - 1]
            raise DualhashError(f"At most {most} stages can be finetuned, not {stages}.")
        means, maxima = sum(widths), sum(widths[:with_maximum])
        self.kept_means = sum(widths[:unchanged])
        self.maxima = slice(means, means + maxima)
        self.colours = slice(means + maxima + network.num_features, None)
        pooled.requires_grad_(requires_grad=False)
        for part in self.trained_parts:
            part.requires_grad_(requires_grad=True)

    @property
    def trained_parts(self) -> list[nn.Module]:
        """The trained stages and the layers above them."""
        network = self.pooled.network
        return [*network.blocks[self.frozen :], network.conv_head, network.bn2]

    def train(self, mode: bool = True) -> Self:
        """Leaves the pooled network in evaluation mode."""
        super().train(mode)
        self.pooled.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Returns the head's output (N, m) for RGB images, uint8 (N, H, W, 3)."""
        hidden: Tensor = self.head(self.pooled.features(images))
        return hidden

    def lower(self, images: Tensor) -> Activations:
        """Returns feature maps of the last frozen stage, and all features, of such images."""
        network = self.pooled.network
        maps = network.bn1(network.conv_stem(self.pooled.normalised(images)))
        return Activations(network.blocks[: self.frozen](maps), (self.pooled.features(images),))

    def upper(self, activations: Activations) -> Tensor:
        """Returns the head's output (N, m) from the output of `lower`."""
        network, maps, means = self.pooled.network, activations.maps, []
        (kept,) = activations.averages
        for number, stage in enumerate(network.blocks[self.frozen :], self.frozen + 1):
            maps = stage(maps)
            if number in network.stage_ends:
                means.append(maps.mean(dim=(2, 3)))
        top = network.forward_head(network.bn2(network.conv_head(maps)), pre_logits=True)
        parts = [kept[:, : self.kept_means], *means, kept[:, self.maxima], top]
        hidden: Tensor = self.head(torch.cat([*parts, kept[:, self.colours]], dim=1))
        return hidden
