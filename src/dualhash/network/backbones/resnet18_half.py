"""ResNet-18 at half width for small images, trained from scratch."""

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from dualhash.network.backbone import Backbone
from dualhash.network.staged_network import Activations, StagedNetwork

WIDTHS = (32, 64, 128, 256)


class HalfResNet18(StagedNetwork):
    """A 3x3 stem of stride 2, followed by four stages of two basic blocks.

    Features are the spatial averages of the outputs of all four stages, concatenated and
    batch-normalised: (N, 32 + 64 + 128 + 256). Attributes such as colour need early stages,
    categories need late ones (section 4.2.3).
    """

    def __init__(self) -> None:
        stem = nn.Sequential(
            nn.Conv2d(3, WIDTHS[0], kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(WIDTHS[0]),
            nn.ReLU(inplace=True),
        )
        stages = [
            nn.Sequential(_block(before, width), _block(width, width))
            for before, width in zip((WIDTHS[0], *WIDTHS), WIDTHS, strict=False)
        ]
        super().__init__(stem, stages)
        self.norm = nn.BatchNorm1d(sum(WIDTHS))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def step(self, stage: nn.Module, activations: Activations) -> Activations:
        """Computes one stage and the averages of its output."""
        maps = stage(activations.maps)
        return Activations(maps, (*activations.averages, maps.mean(dim=(2, 3))))

    def top(self, activations: Activations) -> Tensor:
        """Returns features (N, 480)."""
        features: Tensor = self.norm(torch.cat(activations.averages, dim=1))
        return features


def _block(before: int, width: int) -> nn.Module:
    """A basic block; halves the resolution if it changes the number of channels."""
    stride, shortcut = 1, None
    if before != width:
        stride = 2
        shortcut = nn.Sequential(
            nn.Conv2d(before, width, kernel_size=1, stride=2, bias=False), nn.BatchNorm2d(width)
        )
    block: nn.Module = BasicBlock(before, width, stride=stride, downsample=shortcut)
    return block


def build(pretrained: bool) -> nn.Module:
    """Builds the network with the initialisation of He et al. 2015."""
    return HalfResNet18()


RESNET18_HALF = Backbone(
    name="resnet18-half",
    summary=(
        "ResNet-18 (He et al. 2016) at half width for images under 100 pixels, trained from "
        "scratch. Deviations: a 3x3 stem of stride 2 without max pooling; the features are the "
        "averaged outputs of all four stages, concatenated and batch-normalised."
    ),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    build=build,
)
