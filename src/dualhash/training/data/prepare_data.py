"""From a catalogue to what a run of the trainer is given."""

import numpy as np
import torch

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.images import Preprocessing
from dualhash.errors import DualhashError
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.training.config import TrainConfig
from dualhash.training.data.batch_sampler import plan_batches
from dualhash.training.data.frozen_features import Trunk, cached_trunk
from dualhash.training.data.image_cache import CachedImages, cached_images, default_folder
from dualhash.training.data.image_size import choose_preprocessing
from dualhash.training.data.training_data import SPLIT, TrainingSet, generator_for
from dualhash.training.data.training_labels import (
    Rows,
    check_trainable,
    restrict,
    split_validation,
    take,
    training_catalogue,
)
from dualhash.training.loop.fit import Task, build_backbone_of
from dualhash.training.progress import Display

SPLIT_SEED = 0
"""Of the validation part: it is the same for every training on the same readable images of the
training subsets, whatever its seed and whatever it learns, so that weights trained on the rest have
not seen it. With some of these images left out of the subsets the part is another, and weights that
were trained with them can have seen images of it."""


def prepare(catalogue: Catalogue, config: TrainConfig, display: Display) -> Task:
    """Images and labels ready for training.

    Raises:
        DualhashError: The labels cannot be learned from, no image can be read, or a setting names
            what does not exist.
    """
    whole = training_catalogue(catalogue)
    seen, rows = restrict(whole, config)
    preprocessing = choose_preprocessing(config, whole.images)
    with display.bar("decoding images") as step:
        images = cached_images(
            whole.images, preprocessing, default_folder(), lambda n, total: step(n, total, "")
        )
    notes = [f"Left out: {reason}" for reason in images.failed.values()]
    readable = np.delete(np.arange(len(whole)), list(images.failed))
    if not len(readable):
        raise DualhashError(f"No image that can be trained on can be read. {images.failed[0]}")
    rows = np.intersect1d(rows, readable)
    validation = np.intersect1d(rows, _validation(whole, readable, config))
    if not len(validation):
        raise DualhashError(
            f"{catalogue.source} has {len(rows)} images that can be trained on, too few to "
            "keep some of them for validation: label more, two of some category at least."
        )
    training = np.setdiff1d(rows, validation)
    labels = TrueLabels(seen.categories, seen.attributes, seen.observed)
    trained = take(labels, training)
    counts = check_trainable(trained, seen)
    plan = plan_batches(trained.categories, trained.observed, config)
    trunk = _trunk(images, preprocessing, config, display) if config.frozen_stages else None
    data = TrainingSet(images.pixels, labels, training, validation, plan, preprocessing, trunk)
    return Task(data, seen.names, counts, config, display, (*notes, *plan.notes))


def _validation(whole: Catalogue, readable: Rows, config: TrainConfig) -> Rows:
    """Rows kept for choices, of all training subsets."""
    seen = whole.visible()
    labels = take(TrueLabels(seen.categories, seen.attributes, seen.observed), readable)
    generator = generator_for(SPLIT_SEED, SPLIT)
    return readable[split_validation(labels, config.validation_fraction, generator)]


def _trunk(
    images: CachedImages, preprocessing: Preprocessing, config: TrainConfig, display: Display
) -> Trunk:
    with torch.random.fork_rng(devices=()), display.bar("frozen stages") as step:
        backbone = build_backbone_of(config, preprocessing.crop)
        return cached_trunk(
            images,
            preprocessing,
            backbone,
            default_folder(),
            lambda n, total: step(n, total, ""),
        )
