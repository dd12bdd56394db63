"""Feature extractors that can be computed in two parts, the lower one once and for all."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn


class Activations(NamedTuple):
    """What stages hand on to those above them, of N images.

    Attributes:
        maps: (N, C, H, W), the output of the last of them.
        averages: Parts of the features that are already known, each (N, a).
    """

    maps: Tensor
    averages: tuple[Tensor, ...]


class StagedNetwork(nn.Module, ABC):
    """A stem, stages one above the other, and a top that makes features of their outputs.

    Args:
        stem: From normalised images to maps.
        stages: From maps to maps.
    """

    def __init__(self, stem: nn.Module, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, d) of normalised images (N, 3, H, W)."""
        return self.upper(self.lower(images, 0), 0)

    def lower(self, images: Tensor, count: int) -> Activations:
        """The stem and the first `count` stages."""
        activations = Activations(self.stem(images), ())
        for stage in self.stages[:count]:
            activations = self.step(stage, activations)
        return activations

    def upper(self, activations: Activations, count: int) -> Tensor:
        """Features (N, d) from the output of the first `count` stages."""
        for stage in self.stages[count:]:
            activations = self.step(stage, activations)
        return self.top(activations)

    def step(self, stage: nn.Module, activations: Activations) -> Activations:
        """One stage more."""
        return Activations(stage(activations.maps), activations.averages)

    @abstractmethod
    def top(self, activations: Activations) -> Tensor:
        """Features (N, d) from the output of all stages."""
