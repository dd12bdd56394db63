"""Images and labels of a training, and the batches that the trainer reads."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dualhash.catalogue.catalogue import LabelNames
from dualhash.catalogue.images import Preprocessing, centre_crop, load_image
from dualhash.catalogue.vectors import Vectors
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.losses import AttributeCounts
from dualhash.network import Activations
from dualhash.training.config import TrainConfig
from dualhash.training.data.augmentation import augment
from dualhash.training.data.batch_sampler import BatchPlan, batches
from dualhash.training.data.frozen_features import FrozenFeatures
from dualhash.training.data.kept_features import KeptFeatures
from dualhash.training.data.training_labels import Rows, take

BATCHES, AUGMENTATION, NETWORK, SPLIT = range(4)
"""Independent streams of random numbers of one seed."""

VALIDATION_BATCH = 256
ALL = slice(None)


class Batch(NamedTuple):
    """The labels of n images, and the images, or the part of them that one process computes.

    Attributes:
        inputs: Pixels (n, h, w, 3) uint8, the output of the frozen stages, or kept features
            (n, d) float16 or float32.
        categories: (n,) int64; -1 if missing.
        attributes: (n, p) float32, 1 present, 0 absent or missing; the probability if the label
            is predicted.
        observed: (n, p) bool; False if the label is missing.
    """

    inputs: Tensor | Activations
    categories: Tensor
    attributes: Tensor
    observed: Tensor


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Images and labels of the training subsets, divided into training and validation.

    Attributes:
        config: The settings that the data was prepared for.
        names: Names of the labels.
        files: The N image files.
        pixels: (N, H, W, 3) uint8 at the size `preprocessing.resize`, a memory map; None if
            features or outputs of frozen stages were kept.
        labels: Visible labels of the N images.
        counts: Numbers of positive and negative training labels of each attribute.
        training: Rows to train on.
        validation: Rows for choices and validation figures.
        plan: Composition of the batches; its rows index `training`.
        preprocessing: Sizes of the images; None if the catalogue holds vectors.
        frozen: Output of the frozen stages for the N images; None if all stages are trained.
        features: Kept features of the N images; None if a backbone is trained.
        filled: (N, p) float16, the probabilities that replace missing attribute labels of training
            images; None if these stay missing.
        notes: Sentences on images that were left out.
    """

    config: TrainConfig
    names: LabelNames
    files: Sequence[Path]
    pixels: NDArray[np.uint8] | None
    labels: TrueLabels
    counts: AttributeCounts
    training: Rows
    validation: Rows
    plan: BatchPlan
    preprocessing: Preprocessing | None
    frozen: FrozenFeatures | None = None
    features: KeptFeatures | None = None
    filled: NDArray[np.float16] | None = None
    notes: tuple[str, ...] = ()

    def batch(
        self, rows: Rows, generator: np.random.Generator | None = None, part: slice = ALL
    ) -> Batch:
        """Returns images with their labels.

        Args:
            rows: Rows of the N images.
            generator: Augments the images; None takes their central crops.
            part: Which of these images to return; the labels are those of all.
        """
        labels = take(self.labels, rows)
        return Batch(
            self._inputs(rows, generator, part),
            torch.from_numpy(labels.categories),
            torch.from_numpy(labels.attributes.astype(np.float32)),
            torch.from_numpy(labels.observed),
        )

    def _filled(self, rows: Rows, generator: np.random.Generator, part: slice) -> Batch:
        batch = self.batch(rows, generator, part)
        if self.filled is None:
            return batch
        predicted = torch.from_numpy(self.filled[rows].astype(np.float32))
        attributes = batch.attributes.where(batch.observed, predicted)
        return batch._replace(attributes=attributes, observed=torch.ones_like(batch.observed))

    def _inputs(
        self, rows: Rows, generator: np.random.Generator | None, part: slice
    ) -> Tensor | Activations:
        config = self.config
        if self.pixels is None:
            mirrored = np.zeros(len(rows), bool)
            if generator:
                mirrored = (generator.random(len(rows)) < 0.5) & config.mirror
            kept = self.frozen or self.features
            assert kept is not None
            return kept.take(rows[part], mirrored[part])
        images, crop = self.pixels[rows], self.crop
        if generator:
            images = augment(
                images,
                crop,
                generator,
                mirror=config.mirror,
                random_crop=config.random_crop,
                padding=config.crop_padding,
            )
        else:
            images = centre_crop(images, crop)
        return torch.from_numpy(np.ascontiguousarray(images[part]))

    @property
    def feature_sample(self) -> Tensor | None:
        """Kept features of some training images, (n, d); None if a backbone is trained."""
        return self.features.sample(self.training) if self.features else None

    @property
    def crop(self) -> tuple[int, int]:
        """Height and width of the images that the network sees."""
        assert self.preprocessing is not None, "vectors have no size in pixels"
        return self.preprocessing.crop

    @property
    def vector_length(self) -> int | None:
        """Length of the vectors of the catalogue; None if it holds images."""
        values = self.features.values if self.features else None
        return values.length if isinstance(values, Vectors) else None

    def images(self, rows: Rows) -> NDArray[np.uint8]:
        """Returns the images of rows, (n, h, w, 3) at the size of the crop."""
        if self.pixels is not None:
            return centre_crop(self.pixels[rows], self.crop)
        assert self.preprocessing is not None, "vectors have no pixels"
        images = [load_image(self.files[row], self.preprocessing) for row in rows]
        return centre_crop(np.stack(images), self.crop)

    def training_batches(self, first: int, last: int, part: slice = ALL) -> Iterator[Batch]:
        """Yields the batches of the iterations from `first` to before `last`."""
        rows = batches(self.plan, generator_for(self.config.seed, BATCHES))
        for iteration, chosen in enumerate(islice(rows, first, last), start=first):
            generator = generator_for(self.config.seed, AUGMENTATION, iteration)
            yield self._filled(self.training[chosen], generator, part)

    def validation_batches(self, part: slice = ALL) -> Iterator[Batch]:
        """Yields the validation images in order."""
        for start in range(0, len(self.validation), VALIDATION_BATCH):
            yield self.batch(self.validation[start : start + VALIDATION_BATCH], part=part)


@dataclass(frozen=True)
class RepeatableBatches:
    """An iterable of batches that calls `start` for each pass."""

    start: Callable[[], Iterator[Batch]]

    def __iter__(self) -> Iterator[Batch]:
        return self.start()


def iterations_of(data: TrainingData) -> int:
    """Returns the length of a training in batches."""
    config = data.config
    if config.iterations is not None:
        return config.iterations
    assert config.epochs is not None
    batches = round(config.epochs * len(data.training) / data.plan.size)
    return max(config.min_iterations, batches)


def generator_for(seed: int, *stream: int) -> np.random.Generator:
    """Returns an independent generator for each stream of a seed."""
    return np.random.default_rng([seed, *stream])
