"""Networks of consecutive stages whose lower stages can be computed separately, once."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn


class Activations(NamedTuple):
    """Output of the lower stages for N images, input of the upper stages.

    Attributes:
        maps: (N, C, H, W), the feature maps of the last stage computed.
        averages: Parts of the features computed so far, each (N, a).
    """

    maps: Tensor
    averages: tuple[Tensor, ...]


class StagedNetwork(nn.Module, ABC):
    """A stem, consecutive stages, and a top that computes the features.

    Args:
        stem: Maps normalised images to feature maps.
        stages: Each maps feature maps to feature maps.
    """

    def __init__(self, stem: nn.Module, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> Tensor:
        """Returns features (N, d) of normalised images (N, 3, H, W)."""
        return self.upper(self.lower(images, 0), 0)

    def lower(self, images: Tensor, count: int) -> Activations:
        """Computes the stem and the first `count` stages."""
        activations = Activations(self.stem(images), ())
        for stage in self.stages[:count]:
            activations = self.step(stage, activations)
        return activations

    def upper(self, activations: Activations, count: int) -> Tensor:
        """Returns features (N, d) from the output of the first `count` stages."""
        for stage in self.stages[count:]:
            activations = self.step(stage, activations)
        return self.top(activations)

    def step(self, stage: nn.Module, activations: Activations) -> Activations:
        """Computes one stage."""
        return Activations(stage(activations.maps), activations.averages)

    @abstractmethod
    def top(self, activations: Activations) -> Tensor:
        """Returns features (N, d) from the output of all stages."""
