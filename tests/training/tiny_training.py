"""A tiny catalogue, a tiny backbone and settings for trainings that take a second."""

import csv
import os
import signal
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image
from torch import Tensor, nn

from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.catalogue.columns import Columns
from dualhash.network import Backbone
from dualhash.network.staged_network import Activations, StagedNetwork
from dualhash.progress import Display
from dualhash.training.config import TrainConfig

HEIGHT, WIDTH = 16, 12

QUIET = Display(quiet=True)


class TinyNetwork(StagedNetwork):
    """Three stages of one convolution each; the features are averages of the upper and lower half.

    Exported to ONNX in half the time that the smallest built-in backbone takes.
    """

    def __init__(self) -> None:
        super().__init__(layer(3, 32, 4), [layer(32, 32, 1) for _ in range(3)])
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d((2, 1)), nn.Flatten())

    def top(self, activations: Activations) -> Tensor:
        return self.pool(activations.maps)


def layer(before: int, width: int, size: int) -> nn.Module:
    convolution = nn.Conv2d(before, width, size, stride=size, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())


TINY = Backbone(
    name="tiny",
    summary="For tests.",
    mean=(0.5, 0.5, 0.5),
    std=(0.3, 0.3, 0.3),
    build=lambda pretrained: TinyNetwork(),
)
"""Registered by the fixture `tiny_backbone`."""


def make_catalogue(folder: Path, images: int = 60, categories: int = 3) -> Catalogue:
    """Tiny images: the category is a colour, the attributes are a bright top and a dark left half.

    Subsets alternate: train-both, train-attribute, train-category; every tenth image is a test
    image.
    """
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    colours = rng.integers(60, 160, size=(categories, 3))
    which = np.arange(images) // 4 % categories
    attributes = rng.integers(0, 2, size=(images, 2)).astype(np.int8)
    attributes[:4] = [[0, 1], [1, 0], [0, 0], [1, 1]]
    subsets = np.arange(images) % 3
    subsets[9::10] = 3
    paths = []
    for i in range(images):
        picture = colours[which[i]] + rng.integers(-9, 9, (HEIGHT, WIDTH, 3))
        picture[: HEIGHT // 2] += 80 * attributes[i, 0]
        picture[:, : WIDTH // 2] -= 50 * attributes[i, 1]
        paths.append(folder / f"{i}.png")
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(paths[-1])
    return Catalogue(
        source="tiny",
        images=tuple(paths),
        references=tuple(path.name for path in paths),
        names=LabelNames(tuple(f"c{i}" for i in range(categories)), ("top", "left")),
        categories=which.astype(np.int64),
        attributes=attributes,
        observed=np.ones((images, 2), bool),
        subsets=subsets.astype(np.int8),
        payload=pl.DataFrame({"image": [path.name for path in paths]}),
        columns=Columns(),
    )


def make_config(**settings: object) -> TrainConfig:
    """A training of a second; the defaults of `TrainConfig` otherwise."""
    small: dict[str, object] = {
        "backbone": TINY.name,
        "pretrained": False,
        "bits": 16,
        "attribute_images": 8,
        "categories_per_batch": 2,
        "images_per_category": 4,
        "schedule": "one-cycle",
        "lr_new": 0.05,
        "iterations": 6,
        "validation_every": 2,
        "crop_padding": 2,
        "validation_fraction": 0.2,
        "alpha": 0.3,
    }
    return TrainConfig(**small | settings)


class StopAt(Display):
    """A display that raises `stop`, or kills the process, at a note with a certain text."""

    def __init__(self, text: str, stop: BaseException | None = None) -> None:
        super().__init__(quiet=True)
        self.text, self.stop = text, stop

    def note(self, text: str) -> None:
        if self.text in text:
            if self.stop is None:
                os.kill(os.getpid(), signal.SIGKILL)
            raise self.stop


def log_of(model: Path) -> list[dict[str, str]]:
    """The rows of a log without the times."""
    rows = list(csv.DictReader((model / "log.csv").read_text().splitlines()))
    return [{name: row[name] for name in row if name != "seconds"} for row in rows]
