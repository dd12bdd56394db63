"""The size to which images are brought for a training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dualhash.catalogue.images import ImageError, Preprocessing, probe
from dualhash.errors import DualhashError
from dualhash.network import describe_backbone
from dualhash.training.config import TrainConfig

PROBED = 200
"""Images looked at to learn their usual size."""

LARGEST = 128
"""Pixels of the longer side that images get at most where the backbone has no size of its own."""


def usual_size(images: Sequence[Path]) -> tuple[int, int]:
    """Median height and width in pixels of up to 200 of the images, evenly spread.

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
    """Sizes as the configuration states them, or as its backbone does, or the images' own."""
    if config.image_size is not None:
        return Preprocessing(resize=config.image_size, crop=config.image_size)
    spec = describe_backbone(config.backbone)
    if spec.input_size is not None:
        return Preprocessing(resize=spec.resize or spec.input_size, crop=spec.input_size)
    height, width = usual_size(images)
    scale = min(1.0, LARGEST / max(height, width))
    size = max(1, round(scale * height)), max(1, round(scale * width))
    return Preprocessing(resize=size, crop=size)
