"""The labels of a training: what it may see, what it is judged on."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import (
    MISSING,
    TRAIN_ATTRIBUTE,
    TRAIN_BOTH,
    TRAIN_CATEGORY,
    Catalogue,
)
from dualhash.catalogue.check_labels import (
    facets_without_attribute,
    too_few_labels,
    training_refusals,
)
from dualhash.errors import DualhashError, nearest
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.losses.weighted_cross_entropy import AttributeCounts
from dualhash.training.config import TrainConfig

Rows = NDArray[np.int64]


def take(labels: TrueLabels, rows: Rows) -> TrueLabels:
    """The labels of `rows`."""
    return TrueLabels(labels.categories[rows], labels.attributes[rows], labels.observed[rows])


def training_catalogue(catalogue: Catalogue) -> Catalogue:
    """The rows of the training subsets.

    Raises:
        DualhashError: There are none, or a facet gives no attribute.
    """
    rows = catalogue.rows(TRAIN_BOTH, TRAIN_ATTRIBUTE, TRAIN_CATEGORY)
    if not len(rows) or facets_without_attribute(catalogue):
        raise DualhashError(" ".join(training_refusals(catalogue)))
    return catalogue.take(rows)


def restrict(catalogue: Catalogue, config: TrainConfig) -> tuple[Catalogue, Rows]:
    """What a training sees of the training subsets, and the rows that it looks at.

    Args:
        catalogue: Of `training_catalogue`, with all labels.
        config: Its `learns` hides the other kind of label, with its names; rows are then those
            with a label. Its `without_categories` leave the names, and their images the rows.

    Returns:
        The catalogue with the same N rows, and indices of rows, ascending.

    Raises:
        DualhashError: `without_categories` names what is not there.
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
    seen = catalogue.visible()
    categories, names = (
        index[seen.categories],
        replace(names, categories=tuple(np.array(names.categories, object)[~left_out])),
    )
    attributes, observed = seen.attributes, seen.observed
    if config.learns == "category":
        names = replace(names, attributes=())
        attributes, observed = attributes[:, :0], observed[:, :0]
        kept &= categories != MISSING
    if config.learns == "attribute":
        names = replace(names, categories=())
        categories = np.full(len(categories), MISSING)
        kept &= observed.any(axis=1)
    narrowed = replace(
        seen, names=names, categories=categories, attributes=attributes, observed=observed
    )
    return narrowed, np.flatnonzero(kept)


def split_validation(labels: TrueLabels, fraction: float, generator: np.random.Generator) -> Rows:
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


def check_trainable(labels: TrueLabels, catalogue: Catalogue) -> AttributeCounts:
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
    if reason := too_few_labels(catalogue, labels.categories, labels.observed):
        raise DualhashError(reason)
    positives = (labels.observed & (labels.attributes == 1)).sum(axis=0)
    negatives = labels.observed.sum(axis=0) - positives
    return AttributeCounts(catalogue.names.attributes, positives, negatives)
