"""Output of the frozen stages of a network for every image, computed once and kept.

The stages are an extractor like any other: they run on ONNX Runtime, in float32, and their output
is kept with the features of other extractors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dualhash.array_cache import Report
from dualhash.catalogue.images import Preprocessing
from dualhash.features.feature_array import extract_features
from dualhash.features.onnx_export import exported_extractor
from dualhash.network import Activations, BuiltBackbone, Normalise
from dualhash.training.data.training_labels import Rows

LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, eq=False)
class FrozenFeatures:
    """Activations of N images and of their mirror images.

    Attributes:
        values: (N, 2, H * W * C + a) float16, a memory map: feature maps in the order (H, W, C),
            then averages; index 0 is the image, 1 its mirror image. (N, 1, ...) without these.
        shape: (H, W, C) of the feature maps.
        failed: Why an image could not be read, by row.
    """

    values: NDArray[np.float16]
    shape: tuple[int, int, int]
    failed: dict[int, str]

    def take(self, rows: Rows, mirrored: NDArray[np.bool_]) -> Activations:
        """Returns the activations of `rows` in float32, of mirror images where `mirrored`."""
        values = torch.from_numpy(self.values[rows, mirrored.astype(np.intp)]).float()
        size = int(np.prod(self.shape))
        maps = values[:, :size].reshape(-1, *self.shape).permute(0, 3, 1, 2)
        return Activations(maps, (values[:, size:],))


class FrozenStages(nn.Module):
    """From RGB images, uint8 (N, h, w, 3), to rows of `FrozenFeatures.values`, (N, 2 * length)."""

    def __init__(self, backbone: BuiltBackbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.normalise = Normalise(backbone.spec)

    def activations(self, images: Tensor) -> Activations:
        """Returns the output of the frozen stages."""
        return self.backbone.lower(self.normalise(images))

    def forward(self, images: Tensor) -> Tensor:
        """Returns the outputs for the images and for their mirror images, side by side."""
        both = [self.activations(images), self.activations(images.flip(2))]
        return torch.cat([flat(each) for each in both], dim=1)


def flat(activations: Activations) -> Tensor:
    """Returns activations as vectors, float16 (N, H * W * C + a)."""
    parts = [activations.maps.permute(0, 2, 3, 1).flatten(1), *activations.averages]
    return torch.cat(parts, dim=1).clamp(-LARGEST, LARGEST).half()


def cached_frozen_features(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    backbone: BuiltBackbone,
    folder: Path,
    report: Report = lambda done, total: None,
) -> FrozenFeatures:
    """Returns the output of the frozen stages for all images, computed now or by an earlier call.

    Args:
        paths: N image files.
        preprocessing: Its central crop is used.
        backbone: With frozen stages; left in evaluation mode.
        folder: Folder of the cache.
        report: Called with the numbers of images computed and of all images.

    Raises:
        DualhashError: The folder cannot be written, or the disk is full.
    """
    stages = FrozenStages(backbone).eval()
    name = f"{backbone.spec.name}, {backbone.frozen_stages} stages"
    extractor = exported_extractor(name, stages, backbone.frozen_parts, preprocessing, folder)
    with torch.inference_mode():
        example = stages.activations(torch.zeros(1, *preprocessing.crop, 3, dtype=torch.uint8))
    _, channels, height, width = example.maps.shape
    kept = extract_features(extractor, paths, folder, report)
    values = kept.values.reshape(len(paths), 2, -1)
    return FrozenFeatures(values, (height, width, channels), kept.failed)
