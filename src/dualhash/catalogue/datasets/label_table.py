"""The table of a data set whose labels do not come as one."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import SUBSETS
from dualhash.catalogue.columns import Columns


def label_table(
    references: Sequence[str],
    category_names: Sequence[str],
    categories: NDArray[np.int64],
    subsets: NDArray[np.int8],
) -> pl.DataFrame:
    """Columns image, category, subset: N rows; null where category or subset is -1."""
    return pl.DataFrame(
        {
            "image": list(references),
            "category": [category_names[i] if i >= 0 else None for i in categories.tolist()],
            "subset": [SUBSETS[i] if i >= 0 else None for i in subsets.tolist()],
        },
        schema={"image": pl.String, "category": pl.String, "subset": pl.String},
    )


def label_columns(attribute_names: Sequence[str]) -> Columns:
    """How such a table, with one column an attribute beside it, would be read."""
    return Columns(category="category", attributes=tuple(attribute_names), subset="subset")
