"""Backbones: their description, and the module once built."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dualhash.errors import DualhashError
from dualhash.network.staged_network import Activations, StagedNetwork

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Backbone:
    """The description of a feature extractor phi(x).

    Attributes:
        name: Its name in settings and on the command line.
        summary: Architecture, source and deviations from the source.
        mean: Means of R, G and B on the scale 0..1, which are subtracted.
        std: Standard deviations of R, G and B on the scale 0..1, by which images are divided.
        build: Builds a module that maps normalised images, float (N, 3, H, W), to features
            (N, d). The argument says whether to load the weights.
        input_size: Height and width of its images; None if it accepts any size.
        resize: Height and width to which images are resized before the crop to `input_size`; None
            if `input_size` is None.
        weights: Source of the pretrained weights; None if there are none.
        licence: Licence of the weights; None without weights.
        pretrained_layers: The layers that the weights cover, in the terms of the source. These
            are always all layers of the built backbone, which train at the lower rate.
    """

    name: str
    summary: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    build: Callable[[bool], nn.Module]
    input_size: tuple[int, int] | None = None
    resize: tuple[int, int] | None = None
    weights: str | None = None
    licence: str | None = None
    pretrained_layers: str | None = None


class BuiltBackbone(nn.Module):
    """A backbone with its weights, for images of one size.

    Attributes:
        spec: Its description.
        input_size: Height and width of its images.
        pretrained: Whether all layers have pretrained weights.
        feature_size: d, the length of the features.
        frozen_stages: The number of leading stages that are not trained.
    """

    def __init__(
        self, layers: nn.Module, spec: Backbone, input_size: tuple[int, int], *, pretrained: bool
    ) -> None:
        super().__init__()
        self.layers = layers
        self.spec = spec
        self.input_size = input_size
        self.pretrained = pretrained
        self.feature_size = measure_features(layers, spec.name, input_size)
        self.frozen_stages = 0

    def forward(self, images: Tensor) -> Tensor:
        """Returns features (N, d) of normalised images (N, 3, H, W)."""
        features: Tensor = self.layers(images)
        return features

    def freeze(self, stages: int) -> None:
        """Freezes the stem and the first `stages` stages; 0 freezes nothing.

        Raises:
            DualhashError: The backbone has no stages, or too few.
        """
        if not stages:
            return
        if not isinstance(self.layers, StagedNetwork):
            raise DualhashError(
                f"The backbone {self.spec.name!r} has no stages to freeze; leave out "
                "frozen_stages, or use 'resnet18-half' or 'efficientnet-lite0'."
            )
        if stages >= len(self.layers.stages):
            raise DualhashError(
                f"The backbone {self.spec.name!r} has {len(self.layers.stages)} stages and at "
                f"least one must be trained, so {stages} cannot be frozen."
            )
        self.frozen_stages = stages
        for part in self.frozen_parts:
            part.requires_grad_(requires_grad=False)

    def lower(self, images: Tensor) -> Activations:
        """Returns the output of the frozen stages for normalised images (N, 3, H, W)."""
        return self._staged.lower(images, self.frozen_stages)

    def upper(self, activations: Activations) -> Tensor:
        """Returns features (N, d) from the output of the frozen stages."""
        return self._staged.upper(activations, self.frozen_stages)

    @property
    def frozen_parts(self) -> list[nn.Module]:
        """The stem and the frozen stages, from the bottom."""
        return [self._staged.stem, *self._staged.stages[: self.frozen_stages]]

    @property
    def _staged(self) -> StagedNetwork:
        assert isinstance(self.layers, StagedNetwork), "this backbone has no stages"
        return self.layers


def measure_features(layers: nn.Module, name: str, input_size: tuple[int, int]) -> int:
    """Returns the length of the features of one image of `input_size`.

    Raises:
        DualhashError: The network does not accept images of that size.
    """
    training = layers.training
    image = torch.zeros(1, 3, *input_size, device=next(layers.parameters()).device)
    try:
        with torch.no_grad():
            features: Tensor = layers.eval()(image)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise DualhashError(
            f"The backbone {name!r} does not accept images of {input_size[0]}x{input_size[1]} "
            f"pixels ({first_line(error)}); choose another image size, or leave it out."
        ) from error
    finally:
        layers.train(training)
    return features.shape[1]


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or its type if it has no message."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(" .:") if lines else type(error).__name__
