from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dualhash.errors import DualhashError
from dualhash.features import embeddings
from dualhash.features.embeddings import check_vectors, open_vectors, read_vector_column

VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3) / 8


def column(path: Path, values: object, kind: pl.DataType) -> Path:
    pl.DataFrame({"embedding": pl.Series(values, dtype=kind)}).write_parquet(path)
    return path


@pytest.mark.parametrize(
    "kind",
    [pl.List(pl.Float32), pl.Array(pl.Float32, 3), pl.List(pl.Float16), pl.Array(pl.Float16, 3)],
)
def test_columns_of_vectors_are_read(kind: pl.DataType, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(embeddings, "ROWS_AT_ONCE", 3)
    path = column(tmp_path / "table.parquet", VECTORS.tolist(), kind)
    parts = list(read_vector_column(path, "embedding"))
    assert [len(part) for part in parts] == [3, 1]
    np.testing.assert_array_equal(np.concatenate(parts), VECTORS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0, 2.0], [3.0], [4.0, 5.0]], "row 2: the vector in 'embedding' has 1 values, not 2"),
        ([[1.0, 2.0], None], "row 2: the vector in 'embedding' is missing"),
    ],
)
def test_a_vector_that_does_not_fit_is_named(values: list, message: str, tmp_path: Path):
    path = column(tmp_path / "table.parquet", values, pl.List(pl.Float32))
    with pytest.raises(DualhashError, match=message):
        list(read_vector_column(path, "embedding"))


def test_other_types_of_column_are_refused(tmp_path: Path):
    path = column(tmp_path / "table.parquet", [[1.0], [2.0]], pl.List(pl.Float64))
    with pytest.raises(DualhashError, match="not vectors of float16 or float32"):
        list(read_vector_column(path, "embedding"))
    with pytest.raises(DualhashError, match=r"has no column 'embeding'\. Did you mean 'embedding'"):
        list(read_vector_column(path, "embeding"))


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_numpy_files_are_mapped(kind: type, tmp_path: Path):
    np.save(tmp_path / "vectors.npy", VECTORS.astype(kind))
    vectors = open_vectors(tmp_path / "vectors.npy")
    assert isinstance(vectors, np.memmap)
    np.testing.assert_array_equal(vectors, VECTORS.astype(kind))


def test_files_that_are_no_arrays_are_refused(tmp_path: Path):
    (tmp_path / "vectors.npy").write_bytes(b"something else")
    with pytest.raises(DualhashError, match="cannot be read as a NumPy array"):
        open_vectors(tmp_path / "vectors.npy")
    np.save(tmp_path / "vectors.npy", VECTORS.astype(np.float64))
    with pytest.raises(DualhashError, match="float64, not float16 or float32"):
        open_vectors(tmp_path / "vectors.npy")


@pytest.mark.parametrize(("wrong", "row"), [(np.nan, 2), (np.inf, 4)])
def test_values_that_are_not_finite_are_named_by_row(wrong: float, row: int, monkeypatch):
    monkeypatch.setattr(embeddings, "ROWS_AT_ONCE", 3)
    vectors = VECTORS.copy()
    vectors[row - 1, 1] = wrong
    with pytest.raises(DualhashError, match=f"x.npy row {row}: the vector holds NaN or infinity"):
        check_vectors(vectors, 3, "x.npy")


def test_another_length_is_refused():
    with pytest.raises(DualhashError, match="row 11: the vector has 3 values, not 5"):
        check_vectors(VECTORS, 5, "x.npy", first_row=10)
    check_vectors(VECTORS, None, "x.npy")
