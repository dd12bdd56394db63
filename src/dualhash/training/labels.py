"""The labels of a training: what it may see, what it is judged on."""

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import (
    MISSING,
    TRAIN_ATTRIBUTE,
    TRAIN_BOTH,
    TRAIN_CATEGORY,
    Catalogue,
)
from dualhash.errors import DualhashError
from dualhash.evaluation.labels import Labels
from dualhash.losses.attribute_counts import AttributeCounts

Rows = NDArray[np.int64]


def take(labels: Labels, rows: Rows) -> Labels:
    """The labels of `rows`."""
    return Labels(labels.categories[rows], labels.attributes[rows], labels.observed[rows])


def training_catalogue(catalogue: Catalogue) -> Catalogue:
    """The rows of the training subsets, with the labels that training may see.

    Raises:
        DualhashError: There are none.
    """
    rows = catalogue.rows(TRAIN_BOTH, TRAIN_ATTRIBUTE, TRAIN_CATEGORY)
    if not len(rows):
        raise DualhashError(
            f"{catalogue.source} has no images to train on: none is in train-both, "
            "train-attribute or train-category."
        )
    return catalogue.take(rows).visible()


def split_validation(labels: Labels, fraction: float, generator: np.random.Generator) -> Rows:
    """Rows for validation, ascending: about `fraction` of them, and never a category's last.

    Images are dealt per group: those with the same category, and those without a category. Of a
    group of n images round(fraction n) are taken, at most n - 1, and of a category with two or
    more at least one. Where that takes all present or all absent labels of an attribute, the
    images that have them go back to training.
    """
    chosen = []
    for category in np.unique(labels.categories):
        group = np.flatnonzero(labels.categories == category)
        least = 1 if category != MISSING else 0
        count = min(max(round(fraction * len(group)), least), len(group) - 1)
        chosen.append(generator.permutation(group)[:count])
    rows = np.sort(np.concatenate(chosen))
    kept = np.delete(np.arange(len(labels.categories)), rows)
    needed = np.zeros(len(rows), bool)
    for value in (0, 1):
        has_value = labels.observed & (labels.attributes == value)
        needed |= has_value[rows][:, ~has_value[kept].any(axis=0)].any(axis=1)
    return rows[~needed]


def check_trainable(labels: Labels, catalogue: Catalogue) -> AttributeCounts:
    """Refuses labels from which nothing, or not everything that has a name, can be learned.

    Args:
        labels: Of the images trained on, validation left out.
        catalogue: For its names.

    Returns:
        How often each attribute is present and absent.

    Raises:
        DualhashError: No labels; a single category; or attributes (by name) without a present
            or without an absent label.
    """
    seen = np.unique(labels.categories[labels.categories != MISSING])
    if not len(seen) and not labels.observed.any():
        raise DualhashError(
            f"No training image of {catalogue.source} has a category or an attribute."
        )
    if len(seen) == 1:
        raise DualhashError(
            f"All training images have the category {catalogue.names.categories[seen[0]]!r}: "
            "at least two categories are needed. Name another category column, or leave it out."
        )
    positives = (labels.observed & (labels.attributes == 1)).sum(axis=0)
    negatives = labels.observed.sum(axis=0) - positives
    return AttributeCounts(catalogue.names.attributes, positives, negatives)
