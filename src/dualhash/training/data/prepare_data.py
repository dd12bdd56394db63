"""From a catalogue to the data of a training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dualhash.array_cache import cache_folder
from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.images import Preprocessing
from dualhash.errors import DualhashError
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.features.feature_array import extract_features
from dualhash.features.registry import open_extractor
from dualhash.progress import Display
from dualhash.training.config import VECTORS, TrainConfig
from dualhash.training.data.batch_sampler import plan_batches
from dualhash.training.data.frozen_features import FrozenFeatures, cached_frozen_features
from dualhash.training.data.image_cache import cached_images
from dualhash.training.data.image_size import choose_preprocessing, median_size
from dualhash.training.data.kept_features import KeptFeatures
from dualhash.training.data.training_data import SPLIT, TrainingData, generator_for
from dualhash.training.data.training_labels import (
    check_trainable,
    restrict,
    split_validation,
    take,
    training_catalogue,
    visible_labels,
)
from dualhash.training.initial_network import check_entries, initial_backbone

SPLIT_SEED = 0
"""Seed of the validation split. The split depends only on the readable images of the training
subsets, not on the seed or the labels of a training, so weights trained on the other images have
not seen the validation images. If images are removed from the subsets, the split changes, and
weights from before may have seen some of them."""


def prepare_data(catalogue: Catalogue, config: TrainConfig, display: Display) -> TrainingData:
    """Decodes the images of the training subsets and selects labels and validation images.

    Raises:
        DualhashError: The labels are not sufficient, no image can be read, or a setting names
            something unknown.
    """
    check_entries(config)
    whole = training_catalogue(catalogue)
    restricted, rows = restrict(whole, config)
    features: KeptFeatures | None = None
    frozen: FrozenFeatures | None = None
    pixels: NDArray[np.uint8] | None = None
    preprocessing: Preprocessing | None = None
    failed: dict[int, str] = {}
    if config.features == VECTORS:
        assert whole.features is not None
        features = KeptFeatures(None, whole.features)
    elif config.features:
        features, failed = _features(config.features, config, whole.images, display)
        assert features.extractor is not None
        preprocessing = features.extractor.preprocessing
    else:
        preprocessing = choose_preprocessing(config, whole.images)
        if config.frozen_stages:
            frozen = _frozen(whole.images, preprocessing, config, display)
            failed = frozen.failed
        else:
            with display.bar("decoding images") as step:
                images = cached_images(whole.images, preprocessing, cache_folder(), step)
            pixels, failed = images.values, images.failed
    notes = tuple(f"Left out: {reason}" for reason in failed.values())
    for note in notes:
        display.remark(note)
    readable = np.delete(np.arange(len(whole)), list(failed))
    if not len(readable):
        raise DualhashError(f"No training image can be read. {failed[0]}")
    chosen = split_validation(
        take(visible_labels(whole), readable),
        config.validation_fraction,
        generator_for(SPLIT_SEED, SPLIT),
        None if whole.groups is None else whole.groups[readable],
    )
    rows = np.intersect1d(rows, readable)
    validation = np.intersect1d(rows, readable[chosen])
    if not len(validation):
        raise DualhashError(
            f"{catalogue.source} has {len(rows)} training images, too few to keep some of them for "
            "validation: label more, at least two of some category."
        )
    training = np.setdiff1d(rows, validation)
    labels = TrueLabels(restricted.categories, restricted.attributes, restricted.observed)
    counts = check_trainable(take(labels, training), restricted)
    plan = plan_batches(labels.categories[training], labels.observed[training], config)
    return TrainingData(
        config=config,
        names=restricted.names,
        files=whole.images,
        pixels=pixels,
        labels=labels,
        counts=counts,
        training=training,
        validation=validation,
        plan=plan,
        preprocessing=preprocessing,
        frozen=frozen,
        features=features,
        notes=notes,
    )


def _features(
    name: str, config: TrainConfig, images: Sequence[Path], display: Display
) -> tuple[KeptFeatures, dict[int, str]]:
    """Returns the features of images, and why an image could not be read, by row."""
    size = config.image_size or median_size(images)
    extractor = open_extractor(name, size, cache_folder())
    with display.bar(f"features by {name}") as step:
        kept = extract_features(extractor, images, cache_folder(), step, mirror=config.mirror)
    if not config.mirror:
        return KeptFeatures(extractor, kept.values), kept.failed
    return KeptFeatures(extractor, kept.values[:, 0], kept.values[:, 1]), kept.failed


def _frozen(
    images: Sequence[Path], preprocessing: Preprocessing, config: TrainConfig, display: Display
) -> FrozenFeatures:
    with torch.random.fork_rng(devices=()), display.bar("frozen stages") as step:
        backbone = initial_backbone(config, preprocessing.crop)
        return cached_frozen_features(images, preprocessing, backbone, cache_folder(), step)
