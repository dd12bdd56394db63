"""Batches of images and labels as tensors, the same at every iteration for the same seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from dualhash.catalogue.images import Preprocessing, centre_crop
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.network import Activations
from dualhash.training.config import TrainConfig
from dualhash.training.data.augmentation import augment
from dualhash.training.data.batch_sampler import BatchPlan, batches
from dualhash.training.data.frozen_features import Trunk
from dualhash.training.data.training_labels import Rows, take

BATCHES, AUGMENTATION, NETWORK, SPLIT = range(4)
"""Streams of random numbers that follow from one seed."""

VALIDATION_BATCH = 256


class Batch(NamedTuple):
    """n images with their labels.

    Attributes:
        inputs: Pixels (n, h, w, 3) uint8, or what the frozen stages made of them.
        categories: (n,) int64, -1 where missing.
        attributes: (n, p) float32, 1 present, 0 absent or missing.
        observed: (n, p) bool.
    """

    inputs: Tensor | Activations
    categories: Tensor
    attributes: Tensor
    observed: Tensor


@dataclass(frozen=True)
class TrainingSet:
    """Images and labels of the training subsets, divided.

    Attributes:
        pixels: (N, H, W, 3) uint8, at `preprocessing.resize`.
        labels: Visible labels of the N images.
        training: Rows trained on.
        validation: Rows that choices are made on.
        plan: Of the batches; its rows index `training`.
        preprocessing: Sizes of images.
        trunk: Output of the frozen stages for the N images; None where all stages are trained.
    """

    pixels: NDArray[np.uint8]
    labels: TrueLabels
    training: Rows
    validation: Rows
    plan: BatchPlan
    preprocessing: Preprocessing
    trunk: Trunk | None = None

    def training_batch(
        self, rows: Rows, config: TrainConfig, generator: np.random.Generator
    ) -> Batch:
        """Images with their labels, changed at random as `config` says."""
        if self.trunk:
            mirrored = (generator.random(len(rows)) < 0.5) & config.mirror
            return self._labelled(rows, self.trunk.take(rows, mirrored))
        images = augment(
            self.pixels[rows],
            self.preprocessing.crop,
            generator,
            mirror=config.mirror,
            random_crop=config.random_crop,
            padding=config.crop_padding,
        )
        return self._labelled(rows, torch.from_numpy(np.ascontiguousarray(images)))

    def plain_batch(self, rows: Rows) -> Batch:
        """Images as they are, centrally cropped, with their labels."""
        if self.trunk:
            return self._labelled(rows, self.trunk.take(rows, np.zeros(len(rows), bool)))
        images = centre_crop(self.pixels[rows], self.preprocessing.crop)
        return self._labelled(rows, torch.from_numpy(np.ascontiguousarray(images)))

    def _labelled(self, rows: Rows, inputs: Tensor | Activations) -> Batch:
        labels = take(self.labels, rows)
        return Batch(
            inputs,
            torch.from_numpy(labels.categories),
            torch.from_numpy(labels.attributes.astype(np.float32)),
            torch.from_numpy(labels.observed),
        )

    def validation_batches(self) -> Iterator[Batch]:
        """The validation images in order."""
        for start in range(0, len(self.validation), VALIDATION_BATCH):
            yield self.plain_batch(self.validation[start : start + VALIDATION_BATCH])


class TrainingData(LightningDataModule):
    """Feeds Lightning: an epoch of its trainer is one round between validations."""

    def __init__(self, data: TrainingSet, config: TrainConfig, iterations: int) -> None:
        super().__init__()
        self.data, self.config, self.iterations = data, config, iterations
        self.first = 0

    def state_dict(self) -> dict[str, Any]:
        """Where the stream of batches stands."""
        assert self.trainer is not None
        return {"iteration": self.trainer.global_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from there."""
        self.first = state_dict["iteration"]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Every pass through it is the next round."""
        stream = _training_stream(self.data, self.config, self.first, self.iterations)
        return DataLoader(_Iterated(stream, self.config.validation_every), batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        """All validation images."""
        return DataLoader(_Validation(self.data), batch_size=None)


def iterations_of(config: TrainConfig, images: int, batch: int) -> int:
    """The length of a training in batches."""
    if config.iterations is not None:
        return config.iterations
    assert config.epochs is not None
    return max(1, round(config.epochs * images / batch))


def generator_for(seed: int, *stream: int) -> np.random.Generator:
    """An independent generator for each stream of one seed."""
    return np.random.default_rng([seed, *stream])


def _training_stream(
    data: TrainingSet, config: TrainConfig, first: int, iterations: int
) -> Iterator[Batch]:
    drawn = batches(data.plan, generator_for(config.seed, BATCHES))
    for iteration, rows in enumerate(islice(drawn, first, iterations), start=first):
        generator = generator_for(config.seed, AUGMENTATION, iteration)
        yield data.training_batch(data.training[rows], config, generator)


class _Iterated(IterableDataset[Batch]):
    def __init__(self, stream: Iterator[Batch], count: int) -> None:
        self._stream, self._count = stream, count

    def __iter__(self) -> Iterator[Batch]:
        return islice(self._stream, self._count)


class _Validation(IterableDataset[Batch]):
    def __init__(self, data: TrainingSet) -> None:
        self._data = data

    def __iter__(self) -> Iterator[Batch]:
        return self._data.validation_batches()
