"""The labels of a training: which are visible, and which images are for validation."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING, Catalogue, count_labels
from dualhash.catalogue.check_labels import (
    TRAINING,
    facets_without_attribute,
    too_few_labels,
    training_refusals,
)
from dualhash.errors import DualhashError, nearest
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.losses import AttributeCounts
from dualhash.training.config import TrainConfig

Rows = NDArray[np.int64]


def take(labels: TrueLabels, rows: Rows) -> TrueLabels:
    """Returns the labels of `rows`."""
    return TrueLabels(labels.categories[rows], labels.attributes[rows], labels.observed[rows])


def visible_labels(catalogue: Catalogue) -> TrueLabels:
    """Returns the labels that training may use; those hidden by a subset are missing."""
    visible = catalogue.visible()
    return TrueLabels(visible.categories, visible.attributes, visible.observed)


def training_catalogue(catalogue: Catalogue) -> Catalogue:
    """Returns the rows of the training subsets.

    Raises:
        DualhashError: There are none, or a facet gives no attribute.
    """
    rows = catalogue.rows(*TRAINING)
    if not len(rows) or facets_without_attribute(catalogue):
        raise DualhashError(" ".join(training_refusals(catalogue)))
    return catalogue.take(rows)


def restrict(catalogue: Catalogue, config: TrainConfig) -> tuple[Catalogue, Rows]:
    """Hides the labels that a training does not use, and selects the rows that it does use.

    Args:
        catalogue: N rows of the training subsets, with all labels.
        config: If `learns` is "category" or "attribute", the other labels and their names are
            removed, and so are rows without a label. Categories in `without_categories` are
            removed from the names, and their images from the rows.

    Returns:
        The catalogue of N rows, and the indices of the rows to use, ascending.

    Raises:
        DualhashError: `without_categories` names an unknown category.
    """
    names = catalogue.names
    for name in config.without_categories:
        if name not in names.categories:
            raise DualhashError(
                f"{catalogue.source} has no category {name!r} to leave out. "
                f"{nearest(name, names.categories)}"
            )
    left_out = np.isin(names.categories, config.without_categories)
    index = np.append(np.where(left_out, MISSING, np.cumsum(~left_out) - 1), MISSING)
    kept = catalogue.categories == MISSING
    kept |= index[catalogue.categories] != MISSING
    names = replace(names, categories=tuple(np.array(names.categories, object)[~left_out]))
    visible = catalogue.visible()
    categories = index[visible.categories]
    attributes, observed = visible.attributes, visible.observed
    if config.learns == "category":
        names = replace(names, attributes=())
        attributes, observed = attributes[:, :0], observed[:, :0]
        kept &= categories != MISSING
    if config.learns == "attribute":
        names = replace(names, categories=())
        categories = np.full(len(categories), MISSING)
        kept &= observed.any(axis=1)
    restricted = replace(
        visible, names=names, categories=categories, attributes=attributes, observed=observed
    )
    return restricted, np.flatnonzero(kept)


def split_validation(
    labels: TrueLabels,
    fraction: float,
    generator: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
) -> Rows:
    """Chooses about `fraction` of the rows for validation; returns them in ascending order.

    The split is stratified by category; images without a category are one stratum. Of n images
    round(fraction n) are chosen, at most n - 1, and at least one of a category with two or more
    images. Groups are chosen as a whole, so the number is as close to this as their sizes allow.
    If training would be left without a category, or without a present or an absent label of an
    attribute, the groups that have such a label stay in training.

    Args:
        labels: Labels of N images.
        fraction: Share of the images, in (0, 1).
        generator: Chooses the images.
        groups: (N,) int64, equal for images of one group; None if each image is a group.
    """
    if groups is None:
        groups = np.arange(len(labels.categories))
    chosen = []
    for category in np.unique(labels.categories):
        members, sizes = np.unique(groups[labels.categories == category], return_counts=True)
        images, least = int(sizes.sum()), 1 if category != MISSING else 0
        count = min(max(round(fraction * images), least), images - 1)
        order = generator.permutation(len(members))
        middles = np.cumsum(sizes[order]) - sizes[order] / 2
        chosen.append(members[order[middles < count]])
    held_out = np.isin(groups, np.concatenate(chosen))
    needed = ~np.isin(labels.categories, labels.categories[~held_out])
    for value in (0, 1):
        has_value = labels.observed & (labels.attributes == value)
        needed |= has_value[:, ~has_value[~held_out].any(axis=0)].any(axis=1)
    return np.flatnonzero(held_out & ~np.isin(groups, groups[needed]))


def check_trainable(labels: TrueLabels, catalogue: Catalogue) -> AttributeCounts:
    """Checks that every name can be learned from the labels.

    Args:
        labels: Labels of the training images, without the validation images.
        catalogue: The restricted catalogue.

    Returns:
        The numbers of positive and negative labels of each attribute.

    Raises:
        DualhashError: There are no labels, only one category, or attributes (named in the message)
            without positive or without negative labels.
    """
    if reason := too_few_labels(catalogue, labels.categories, labels.observed):
        raise DualhashError(reason)
    counts = count_labels(labels.attributes, labels.observed)
    return AttributeCounts(catalogue.names.attributes, *counts)
