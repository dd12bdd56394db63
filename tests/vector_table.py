"""A small table of vectors, for tests of models that take vectors."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue.columns import Columns

ROWS, LENGTH = 60, 16
COLUMNS = Columns(facets=("colour",), features="embedding", min_positives=1)


def vectors(rows: int = ROWS, length: int = LENGTH) -> NDArray[np.float32]:
    """Three groups of vectors around centres of their own."""
    rng = np.random.default_rng(3)
    centres = 4 * rng.standard_normal((3, length))
    return (centres[np.arange(rows) % 3] + rng.standard_normal((rows, length))).astype(np.float32)


def table(rows: int = ROWS) -> pl.DataFrame:
    """Labels of the vectors: the group is the category, the sign of the first value a colour."""
    subsets = np.where(np.arange(rows) % 5 == 4, "test", "train-both")
    return pl.DataFrame(
        {
            "sku": [f"p{row}" for row in range(rows)],
            "category": np.array(["bag", "hat", "shoe"])[np.arange(rows) % 3],
            "colour": np.where(vectors(rows)[:, 0] > 0, "red", "blue"),
            "subset": subsets,
        }
    )


def write_parquet(path: Path, kind: pl.DataType | None = None) -> Path:
    """The table with its vectors in the column `embedding`, by default a list of float32."""
    column = pl.Series("embedding", vectors().tolist(), dtype=kind or pl.List(pl.Float32))
    table().with_columns(column).write_parquet(path)
    return path


def write_csv(path: Path) -> Path:
    """The table as CSV, with its vectors in `vectors.npy` beside it."""
    table().write_csv(path)
    np.save(path.with_name("vectors.npy"), vectors())
    return path
