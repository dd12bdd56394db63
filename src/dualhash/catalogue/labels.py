"""Cells of text to labels: pure functions from columns to indices and masks."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import (
    MISSING,
    SUBSETS,
    TEST,
    TRAIN_ATTRIBUTE,
    TRAIN_BOTH,
    TRAIN_CATEGORY,
)

PRESENT = ("1", "1.0", "true", "yes")
ABSENT = ("0", "0.0", "false", "no")
"""What a cell of a binary attribute may hold besides nothing, in any case."""

TEST_SHARE = 10
"""One labelled image in so many becomes `test` where nobody said which."""

DERIVED_SUBSETS = (
    "There is no subset column: images with category and attributes are train-both, those with one "
    "of them train-category or train-attribute, and one labelled image in ten, chosen by a hash of "
    "its name, is test."
)


def text(column: pl.Series) -> pl.Series:
    """The cells as text without spaces around it; empty cells and nan become null."""
    if column.dtype.is_float():
        column = column.fill_nan(None)
    stripped = column.cast(pl.String).str.strip_chars()
    return stripped.set(stripped == "", None)


def binary(cells: pl.Series) -> tuple[NDArray[np.int8], NDArray[np.bool_], NDArray[np.bool_]]:
    """Labels of a binary attribute.

    Args:
        cells: (N,) text or null.

    Returns:
        (N,) int8, 1 where present; (N,) bool, where observed; (N,) bool, where the cell holds
        something that is neither, which counts as missing.
    """
    folded = cells.str.to_lowercase()
    present = folded.is_in(PRESENT).fill_null(value=False).to_numpy()
    absent = folded.is_in(ABSENT).fill_null(value=False).to_numpy()
    observed = present | absent
    return present.astype(np.int8), observed, cells.is_not_null().to_numpy() & ~observed


def facet(cells: pl.Series, value: str) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Labels of the attribute `facet=value`: observed wherever the facet has any value.

    Returns:
        (N,) int8, 1 where present; (N,) bool, where observed.
    """
    present = (cells == value).fill_null(value=False).to_numpy()
    return present.astype(np.int8), cells.is_not_null().to_numpy()


def indices(cells: pl.Series, names: Sequence[str]) -> NDArray[np.int64]:
    """(N,) int64, the position of each cell in `names`, -1 for null and for anything else."""
    position = {name: i for i, name in enumerate(names)}
    return np.fromiter((position.get(cell, MISSING) for cell in cells), np.int64, len(cells))


def subsets(cells: pl.Series) -> NDArray[np.int8]:
    """(N,) int8, index into `SUBSETS`; -1, in none, for null and for anything else."""
    return indices(cells, SUBSETS).astype(np.int8)


def derived_subsets(
    references: Sequence[str],
    has_category: NDArray[np.bool_],
    has_attribute: NDArray[np.bool_],
) -> NDArray[np.int8]:
    """Subsets for images of which only the labels are known.

    Category and any attribute: train-both. Only attributes: train-attribute. Only a category:
    train-category. Neither: in none. Of the labelled ones a tenth is moved to test, chosen by a
    hash of the reference, so that an image stays where it is when others are added.

    Args:
        references: N names of images.
        has_category: (N,) bool.
        has_attribute: (N,) bool, whether any attribute is observed.

    Returns:
        (N,) int8, index into `SUBSETS`, -1 for in none.
    """
    drawn = np.fromiter((_hash(name) % TEST_SHARE == 0 for name in references), np.bool_)
    return np.select(
        [
            ~has_category & ~has_attribute,
            drawn,
            has_category & has_attribute,
            has_attribute,
        ],
        [-1, TEST, TRAIN_BOTH, TRAIN_ATTRIBUTE],
        TRAIN_CATEGORY,
    ).astype(np.int8)


def _hash(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
