"""Text cells to labels: pure functions from columns to indices and masks."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING, Subset

PRESENT = ("1", "1.0", "true", "yes")
ABSENT = ("0", "0.0", "false", "no")
"""What a cell of a binary attribute may hold, in any case."""

TEST_SHARE = 10
"""Without a subset column, one labelled image in so many becomes `test`."""

DERIVED_SUBSETS = (
    "There is no subset column: images with category and attributes are train-both, those with one "
    "of them train-category or train-attribute, and one labelled image in ten, chosen by a hash of "
    "its name or group, is test."
)


def text(column: pl.Series) -> pl.Series:
    """The cells as text without surrounding spaces; empty cells become null."""
    stripped = column.cast(pl.String).str.strip_chars()
    return stripped.set(stripped == "", None)


def is_any_of(cells: pl.Series, values: Sequence[str]) -> pl.Series:
    """(N,) Boolean, which cells are one of `values` in any case; False for null."""
    folded = [value.lower() for value in values]
    return cells.str.to_lowercase().is_in(folded).fill_null(value=False)


def binary(cells: pl.Series) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Labels of a binary attribute. A cell that is neither present nor absent is missing.

    Args:
        cells: (N,) text or null.

    Returns:
        (N,) int8, 1 if present; (N,) bool, whether the label is known.
    """
    present = is_any_of(cells, PRESENT)
    return present.to_numpy().astype(np.int8), (present | is_any_of(cells, ABSENT)).to_numpy()


def facet(cells: pl.Series, value: str) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Labels of the attribute `facet=value`, known wherever the facet has any value.

    Returns:
        (N,) int8, 1 if present; (N,) bool, whether the label is known.
    """
    present = (cells == value).fill_null(value=False).to_numpy()
    return present.astype(np.int8), cells.is_not_null().to_numpy()


def indices(cells: pl.Series, names: Sequence[str]) -> NDArray[np.int64]:
    """(N,) int64, the position of each cell in `names`, -1 for null and all other text."""
    positions = cells.replace_strict(
        list(names), list(range(len(names))), default=MISSING, return_dtype=pl.Int64
    )
    return positions.to_numpy()


def groups(cells: pl.Series) -> NDArray[np.int64]:
    """(N,) int64, equal for equal text; an image without text is a group of its own."""
    ranks = cells.rank("dense").fill_null(0).to_numpy().astype(np.int64)
    return np.where(ranks > 0, ranks, -1 - np.arange(len(cells)))


def derived_subsets(
    names: Sequence[str],
    has_category: NDArray[np.bool_],
    has_attribute: NDArray[np.bool_],
) -> NDArray[np.int8]:
    """Subsets for images without a subset column.

    Category and any attribute: train-both. Only attributes: train-attribute. Only a category:
    train-category. Neither: no subset. One labelled image in ten is moved to test. It is chosen
    by a hash of the name, so an image keeps its subset if other images are added.

    Args:
        names: N names of images, or of their groups.
        has_category: (N,) bool.
        has_attribute: (N,) bool, whether any attribute is labelled.

    Returns:
        (N,) int8, index into `SUBSETS`, -1 for no subset.
    """
    drawn = np.fromiter((_hash(name) % TEST_SHARE == 0 for name in names), np.bool_)
    conditions = [
        ~has_category & ~has_attribute,
        drawn,
        has_category & has_attribute,
        has_attribute,
    ]
    choices = [-1, Subset.TEST, Subset.TRAIN_BOTH, Subset.TRAIN_ATTRIBUTE]
    return np.select(conditions, choices, Subset.TRAIN_CATEGORY).astype(np.int8)


def _hash(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
