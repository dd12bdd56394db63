"""The size to which images are resized for training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dualhash.catalogue.images import ImageError, Preprocessing, probe
from dualhash.errors import DualhashError
from dualhash.network import describe_backbone
from dualhash.training.config import TrainConfig

PROBED = 200
"""Number of images whose size is read."""

LARGEST = 128
"""Largest side in pixels, if neither configuration nor backbone sets the size."""


def median_size(images: Sequence[Path]) -> tuple[int, int]:
    """Returns the median height and width in pixels of up to 200 images, evenly spread.

    Raises:
        DualhashError: None of them can be read.
    """
    sizes, reason = [], ""
    for row in np.unique(np.linspace(0, len(images) - 1, PROBED).astype(int)):
        try:
            sizes.append(probe(images[row]))
        except ImageError as error:
            reason = str(error)
    if not sizes:
        raise DualhashError(f"No image can be read. {reason}")
    height, width = np.median(sizes, axis=0)
    return round(height), round(width)


def choose_preprocessing(config: TrainConfig, images: Sequence[Path]) -> Preprocessing:
    """Returns the sizes of the configuration, else of the backbone, else of the images."""
    if config.image_size is not None:
        return Preprocessing(resize=config.image_size, crop=config.image_size)
    spec = describe_backbone(config.backbone)
    if spec.input_size is not None:
        return Preprocessing(resize=spec.resize or spec.input_size, crop=spec.input_size)
    height, width = median_size(images)
    scale = min(1.0, LARGEST / max(height, width))
    size = max(1, round(scale * height)), max(1, round(scale * width))
    return Preprocessing(resize=size, crop=size)
