"""Embeddings of one's own: vectors from a table's column, a NumPy file or an array."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.errors import DualhashError, nearest

FLOATS = (np.dtype(np.float16), np.dtype(np.float32))
ROWS_AT_ONCE = 65_536
"""Rows of a table's column that are in memory at a time."""

Vectors = NDArray[np.float16] | NDArray[np.float32]


def open_vectors(path: Path) -> Vectors:
    """The (N, d) float16 or float32 array of a `.npy` file, memory-mapped and read-only.

    Raises:
        DualhashError: It is not such an array. Values are checked by `check_vectors`.
    """
    try:
        vectors: Vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DualhashError(f"{path} cannot be read as a NumPy array: {error}.") from error
    _check_type(vectors, str(path))
    return vectors


def read_vector_column(path: Path, column: str) -> Iterator[NDArray[np.float32]]:
    """The vectors in a column of a Parquet table, (n, d) for some rows at a time.

    The column holds lists or fixed-size lists of float16 or float32.

    Raises:
        DualhashError: The table has no such column, it holds something else, or the vector of a
            row is missing or of another length.
    """
    table = pl.scan_parquet(path)
    schema = table.collect_schema()
    if column not in schema:
        raise DualhashError(f"{path} has no column {column!r}. {nearest(column, schema.names())}")
    kind = schema[column]
    if not isinstance(kind, pl.List | pl.Array) or kind.inner not in (pl.Float16, pl.Float32):
        raise DualhashError(
            f"The column {column!r} of {path} holds {kind}, not vectors of float16 or float32. "
            "Convert it, for example with polars: .cast(pl.List(pl.Float32))."
        )
    size: int | None = None
    for start in range(0, table.select(pl.len()).collect().item(), ROWS_AT_ONCE):
        vectors = pl.col(column).arr.to_list() if isinstance(kind, pl.Array) else pl.col(column)
        part = table.select(vectors).slice(start, ROWS_AT_ONCE).collect()[column]
        lengths = part.list.len()
        size = size or next((length for length in lengths if length is not None), 0)
        wrong = (lengths.is_null() | (lengths != size)).arg_true()
        if len(wrong):
            row = int(wrong[0])
            length = lengths[row]
            what = "is missing" if length is None else f"has {length} values, not {size}"
            raise DualhashError(f"{path} row {start + row + 1}: the vector in {column!r} {what}.")
        flat = part.list.explode().cast(pl.Float32).to_numpy()
        yield flat.reshape(len(part), size)


def check_vectors(
    vectors: NDArray[np.floating], size: int | None, source: str, first_row: int = 0
) -> None:
    """Refuses vectors that a head cannot learn from or encode.

    Args:
        vectors: (N, d).
        size: The length that is needed; None for any.
        source: What they come from, for the message.
        first_row: Row number of the first vector, counted from 0.

    Raises:
        DualhashError: Not two dimensions, another float width, another length, or a value that is
            not finite; the message names the first such row, counted from 1.
    """
    _check_type(vectors, source)
    if size is not None and vectors.shape[1] != size:
        raise DualhashError(
            f"{source} row {first_row + 1}: the vector has {vectors.shape[1]} values, not {size}."
        )
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        part = vectors[start : start + ROWS_AT_ONCE]
        wrong = np.flatnonzero(~np.isfinite(part).all(axis=1))
        if len(wrong):
            row = first_row + start + int(wrong[0]) + 1
            raise DualhashError(f"{source} row {row}: the vector holds NaN or infinity.")


def _check_type(vectors: NDArray[np.floating], source: str) -> None:
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise DualhashError(f"{source} has shape {vectors.shape}; (images, values) is needed.")
    if vectors.dtype not in FLOATS:
        raise DualhashError(
            f"{source} row 1: the vector is {vectors.dtype}, not float16 or float32. Convert it "
            "with .astype('float32')."
        )
