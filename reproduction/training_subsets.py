"""The training images of a cell."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import Catalogue, Subset
from dualhash.errors import DualhashError

TRAINING_SUBSETS: Mapping[str, Mapping[int, float]] = MappingProxyType(
    {
        "B": {Subset.TRAIN_BOTH: 1},
        "B+0.5A": {Subset.TRAIN_BOTH: 1, Subset.TRAIN_ATTRIBUTE: 0.5},
        "B+A": {Subset.TRAIN_BOTH: 1, Subset.TRAIN_ATTRIBUTE: 1},
        "B+0.5C": {Subset.TRAIN_BOTH: 1, Subset.TRAIN_CATEGORY: 0.5},
        "B+C": {Subset.TRAIN_BOTH: 1, Subset.TRAIN_CATEGORY: 1},
        "B+A+C": {Subset.TRAIN_BOTH: 1, Subset.TRAIN_ATTRIBUTE: 1, Subset.TRAIN_CATEGORY: 1},
    }
)
"""The share of each training subset, by the names of table 3."""

FEWEST_TEST_IMAGES = 2
"""With fewer test images in a category, a query has nothing relevant to find."""

_SHARES, _HELD_OUT, _THINNED = range(3)
"""Streams of random numbers, independent of a cell's seed: all cells see the same images."""


def held_out_categories(catalogue: Catalogue, count: int) -> NDArray[np.int64]:
    """Returns `count` categories, ascending, drawn from those with at least two test images.

    The draw depends on the catalogue alone.

    Raises:
        DualhashError: There are not enough such categories.
    """
    tested = catalogue.categories[catalogue.rows(Subset.TEST)]
    sizes = np.bincount(tested[tested >= 0], minlength=len(catalogue.names.categories))
    able = np.flatnonzero(sizes >= FEWEST_TEST_IMAGES)
    if len(able) < count + 2:
        raise DualhashError(
            f"{catalogue.source} has {len(able)} categories with two test images, too few to hold "
            f"out {count}."
        )
    return np.sort(np.random.default_rng(_HELD_OUT).choice(able, count, replace=False))


def select_training_images(catalogue: Catalogue, seen: str) -> Catalogue:
    """Returns the catalogue with all other training images in no subset.

    Labels, names and test images do not change.

    Args:
        catalogue: The whole catalogue.
        seen: A name of `TRAINING_SUBSETS`. Half of a subset is the same half for every cell.
    """
    kept = np.zeros(len(catalogue), bool)
    kept[catalogue.rows(Subset.TEST)] = True
    for subset, share in TRAINING_SUBSETS[seen].items():
        rows = catalogue.rows(subset)
        shuffled = np.random.default_rng([_SHARES, subset]).permutation(rows)
        kept[shuffled[: round(share * len(rows))]] = True
    return replace(catalogue, subsets=np.where(kept, catalogue.subsets, -1).astype(np.int8))


def take_share(catalogue: Catalogue, share: float) -> Catalogue:
    """Returns about this share of the images of every subset, drawn with a fixed seed, in order."""
    if share == 1:
        return catalogue
    rng = np.random.default_rng(_THINNED)
    rows = [
        rng.permutation(group)[: round(share * len(group))]
        for group in (
            catalogue.rows(subset) for subset in (*TRAINING_SUBSETS["B+A+C"], Subset.TEST)
        )
    ]
    return catalogue.take(np.sort(np.concatenate(rows)))
