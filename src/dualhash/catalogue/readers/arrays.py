"""Arrays of labels as a table, which the table reader then checks and reads."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING
from dualhash.catalogue.columns import Columns
from dualhash.errors import DualhashError

IMAGE, CATEGORY, SUBSET = "image", "category", "subset"


def table_of_arrays(
    images: Sequence[str | Path],
    *,
    categories: Sequence[str | None] | NDArray[np.integer] | None,
    category_names: Sequence[str],
    attributes: NDArray[np.integer] | NDArray[np.bool_] | None,
    observed: NDArray[np.bool_] | None,
    attribute_names: Sequence[str],
    subsets: Sequence[str | None] | None,
) -> tuple[pl.DataFrame, Columns]:
    """Returns a table with one row per image, and its columns; see `Catalogue.from_arrays`.

    Raises:
        DualhashError: The arrays do not fit together.
    """
    count, names = len(images), [str(name) for name in attribute_names]
    table: dict[str, pl.Series] = {IMAGE: _text([os.fspath(image) for image in images])}
    if categories is not None:
        table[CATEGORY] = _text(_names(categories, category_names))
    if subsets is not None:
        table[SUBSET] = _text(subsets)
    for name, column in table.items():
        if len(column) != count:
            raise DualhashError(f"There are {count:,} images, but {len(column):,} {name} labels.")
    values = np.empty((count, 0), np.int8) if attributes is None else np.asarray(attributes)
    known = np.ones(values.shape, np.bool_) if observed is None else np.asarray(observed)
    shape = (count, len(names))
    for kind, array in (("attributes", values), ("observed", known)):
        if array.shape != shape:
            raise DualhashError(
                f"{count:,} images and {len(names):,} attribute names need {kind} of shape "
                f"{shape}, not {array.shape}."
            )
    for name, column, mask in zip(names, values.T, known.T, strict=True):
        if name in table:
            raise DualhashError(f"The attribute name {name!r} is taken or occurs twice.")
        table[name] = pl.Series(column).set(~pl.Series(mask.astype(np.bool_)), None)
    columns = Columns(
        category=CATEGORY if categories is not None else None,
        attributes=tuple(names),
        subset=SUBSET if subsets is not None else None,
    )
    return pl.DataFrame(table), columns


def _names(
    categories: Sequence[str | None] | NDArray[np.integer], names: Sequence[str]
) -> Sequence[str | None]:
    """Returns the name of each category; indices become names."""
    indices = np.asarray(categories)
    if indices.dtype.kind not in "iu":
        return list(categories)
    if len(indices) and not MISSING <= indices.min() <= indices.max() < len(names):
        raise DualhashError(
            f"Categories are indices from {indices.min()} to {indices.max()}, but there are "
            f"{len(names):,} category names. A missing category is {MISSING}."
        )
    return [None if i == MISSING else str(names[i]) for i in indices.tolist()]


def _text(values: Sequence[str | None]) -> pl.Series:
    return pl.Series(
        values=[None if value is None else str(value) for value in values], dtype=pl.String
    )
