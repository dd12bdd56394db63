"""Custom feature vectors: a column of a Parquet table, a NumPy file, or an array."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.array_cache import Chunk, cache_folder, cached_array, release
from dualhash.errors import DualhashError, nearest
from dualhash.files import files_hash

FLOATS = (np.dtype(np.float16), np.dtype(np.float32))
ROWS_AT_ONCE = 65_536
"""Vectors that are in memory at a time."""

IN_MEMORY = "The array of features"
"""The source of vectors that come from no file, in messages."""

VectorArray = NDArray[np.float16] | NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Vectors:
    """N feature vectors, read when they are needed.

    Attributes:
        values: (M, d) float16 or float32, usually a memory map.
        rows: (N,) int64, the row of `values` of each vector.
        source: What they come from, for messages.
        file_hash: Identifies the file they come from; None for an array.
    """

    values: VectorArray
    rows: NDArray[np.int64]
    source: str = IN_MEMORY
    file_hash: str | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: NDArray[np.int64] | slice) -> VectorArray:
        """Reads the vectors of rows, (n, d)."""
        return self.values[self.rows[rows]]

    def read_once(self, rows: NDArray[np.int64]) -> VectorArray:
        """Reads the vectors of rows, (n, d), that are not needed again soon."""
        block = self[rows]
        release(self.values)
        return block

    def missing(self) -> NDArray[np.bool_]:
        """Whether each vector is missing, (N,)."""
        missing = np.empty(len(self), np.bool_)
        for start in range(0, len(self), ROWS_AT_ONCE):
            block = slice(start, start + ROWS_AT_ONCE)
            missing[block] = np.isnan(self.values[self.rows[block], 0])
            release(self.values)
        return missing

    @property
    def length(self) -> int:
        """d, the length of a vector."""
        return int(self.values.shape[1])

    def take(self, rows: NDArray[np.int64]) -> "Vectors":
        """Returns only these rows, in this order."""
        return replace(self, rows=self.rows[rows])

    @cached_property
    def hash(self) -> str:
        """Identifies the vectors, to continue interrupted work only with the same ones."""
        digest = sha256(f"{self.file_hash} {self.values.dtype} {self.values.shape}".encode())
        digest.update(np.ascontiguousarray(self.rows).data)
        for start in range(0, 0 if self.file_hash else len(self.values), ROWS_AT_ONCE):
            digest.update(np.ascontiguousarray(self.values[start : start + ROWS_AT_ONCE]).data)
        return digest.hexdigest()


def open_vectors(source: Path | str | NDArray[Any], rows: int, owner: str) -> Vectors:
    """The vectors of an array, or of a `.npy` file, which is memory-mapped as it is.

    Args:
        source: (N, d) float16 or float32, or the file of such an array.
        rows: N, the number of vectors that are needed.
        owner: What they belong to, for messages.

    Raises:
        DualhashError: It is no such array, or a value is not finite.
    """
    if isinstance(source, np.ndarray):
        name, values, file_hash = IN_MEMORY, source, None
    else:
        name, values, file_hash = str(source), read_array(source), files_hash("", [Path(source)])
    check_vectors(values, name)
    if len(values) != rows:
        raise DualhashError(
            f"{name} has {len(values):,} vectors, but {owner} has {rows:,} rows. Row i of the "
            "array belongs to row i of the table."
        )
    return Vectors(values, np.arange(rows), name, file_hash)


def read_array(path: Path | str) -> NDArray[Any]:
    """The array of a `.npy` file, memory-mapped.

    Raises:
        DualhashError: It cannot be read, or is no array.
    """
    try:
        values: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DualhashError(f"{path} cannot be read as a NumPy array: {error}.") from error
    if not isinstance(values, np.ndarray):
        raise DualhashError(f"{path} holds several arrays; save one with numpy.save.")
    return values


def column_vectors(path: Path, column: str) -> Vectors:
    """The vectors of a column of a Parquet table, converted once and kept in the cache.

    The column holds lists or fixed-size lists of float16 or float32, which the array keeps. Where
    a vector is missing, the array holds NaN.

    Raises:
        DualhashError: It is no such column, or a vector has another length or holds values that
            are not finite; the message names the row, counted from 1.
    """
    if path.suffix.lower() != ".parquet":
        raise DualhashError(
            f"{path} cannot hold vectors, only a Parquet table can. Give them as a NumPy file: "
            "--features vectors.npy."
        )
    table = pl.scan_parquet(path, glob=False)
    schema = table.collect_schema()
    if column not in schema:
        raise DualhashError(
            f"{path} has no column {column!r} (--features-column). "
            f"{nearest(column, schema.names())}"
        )
    kind = schema[column]
    if not isinstance(kind, pl.List | pl.Array) or kind.inner not in (pl.Float16, pl.Float32):
        raise DualhashError(
            f"The column {column!r} of {path} holds {kind}, not vectors of float16 or float32. "
            "Convert it, for example with polars: .cast(pl.List(pl.Float32))."
        )
    lists = table.select(pl.col(column).cast(pl.List(kind.inner)))
    count = table.select(pl.len()).collect().item()

    def read(start: int) -> pl.Series:
        try:
            return lists.slice(start, ROWS_AT_ONCE).collect().to_series()
        except pl.exceptions.PolarsError as error:
            raise DualhashError(
                f"The column {column!r} of {path} cannot be read: {str(error).splitlines()[0]}."
            ) from error

    lengths = (read(start).list.len().drop_nulls() for start in range(0, count, ROWS_AT_ONCE))
    length = next((int(each[0]) for each in lengths if len(each)), 0)
    if not length:
        raise DualhashError(f"The column {column!r} of {path} holds no vectors.")
    key = files_hash(f"vectors {column}", [path])

    def convert(first: int) -> Iterator[Chunk]:
        for start in range(first, count, ROWS_AT_ONCE):
            yield _converted(read(start), length, path, start), {}

    dtype = np.float16 if kind.inner == pl.Float16 else np.float32
    file = cache_folder() / f"{key}.npy"
    values = cached_array(file, dtype, (count, length), convert).values
    return Vectors(values, np.arange(count), str(path), key)


def check_vectors(vectors: NDArray[Any], source: str | None, length: int | None = None) -> None:
    """Refuses vectors that cannot be learned from or encoded.

    Args:
        vectors: (N, d).
        source: What they come from, for the message; None for a single vector, such as a query.
        length: The d that is needed; None for any.

    Raises:
        DualhashError: Not two dimensions, another float width, another length, or a value that is
            not finite; the message names the first such row, counted from 1.
    """

    def refused(what: str, row: int = 1) -> DualhashError:
        vector = "The vector" if source is None else f"{source} row {row}: the vector"
        return DualhashError(f"{vector} {what}.")

    if vectors.ndim != 2 or not vectors.shape[1]:
        raise DualhashError(
            f"{source or 'The vector'} has shape {vectors.shape}; (rows, values) is needed."
        )
    if vectors.dtype not in FLOATS:
        raise refused(
            f"is {vectors.dtype}, not float16 or float32; convert it with .astype('float32')"
        )
    if length is not None and vectors.shape[1] != length:
        raise refused(f"has {vectors.shape[1]} values, not {length}")
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        wrong = ~np.isfinite(vectors[start : start + ROWS_AT_ONCE]).all(axis=1)
        release(vectors)
        if wrong.any():
            raise refused("holds NaN or infinity", start + int(wrong.argmax()) + 1)


def _converted(cells: pl.Series, length: int, path: Path, start: int) -> NDArray[Any]:
    """Lists as (n, length), NaN where the list is missing."""
    lengths = cells.list.len()
    wrong = (lengths != length).fill_null(value=False)
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise DualhashError(
            f"{path} row {start + row + 1}: the vector in {cells.name!r} has {lengths[row]} "
            f"values, not {length}."
        )
    given = cells.is_not_null().to_numpy()
    values = cells.drop_nulls().explode().to_numpy().reshape(-1, length)
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        row = start + int(np.flatnonzero(given)[finite.argmin()]) + 1
        raise DualhashError(
            f"{path} row {row}: the vector in {cells.name!r} holds NaN, infinity or no value."
        )
    whole = np.full((len(cells), length), np.nan, values.dtype)
    whole[given] = values
    return whole
