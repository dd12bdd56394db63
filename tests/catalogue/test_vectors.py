from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dualhash.catalogue import vectors as vectors_module
from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.vectors import check_vectors, column_vectors, open_vectors
from dualhash.errors import DualhashError
from tests.builders import colour_image

VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3) / 8


@pytest.fixture(autouse=True)
def _small_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUALHASH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(vectors_module, "ROWS_AT_ONCE", 3)


def write_table(path: Path, values: object, kind: pl.DataType | None = None) -> Path:
    """A table of four labelled rows, without images."""
    frame = pl.DataFrame({"category": ["a", "b", "a", "b"], "name": ["p", "q", "r", "s"]})
    if values is not None:
        frame = frame.with_columns(pl.Series("embedding", values, dtype=kind))
    frame.write_parquet(path)
    return path


@pytest.mark.parametrize(
    "kind",
    [pl.List(pl.Float32), pl.Array(pl.Float32, 3), pl.List(pl.Float16), pl.Array(pl.Float16, 3)],
)
def test_columns_of_vectors_are_converted_once_and_kept(kind: pl.DataType, tmp_path: Path):
    path = write_table(tmp_path / "table.parquet", VECTORS.tolist(), kind)
    vectors = column_vectors(path, "embedding")
    assert isinstance(vectors.values, np.memmap)
    assert vectors.values.dtype == (np.float16 if kind.inner == pl.Float16 else np.float32)
    np.testing.assert_array_equal(vectors[np.array([3, 0])], VECTORS[[3, 0]])
    written = [file.stat().st_ino for file in (tmp_path / "cache").iterdir()]
    again = column_vectors(path, "embedding")
    assert again.hash == vectors.hash
    assert [file.stat().st_ino for file in (tmp_path / "cache").iterdir()] == written


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0, 2], [3.0], [4.0, 5], [6.0, 7]], "row 2: the vector in 'embedding' has 1 values"),
        ([[1.0, 2], [3.0, 4], [4.0, 5], [6.0]], "row 4: the vector in 'embedding' has 1 values"),
        ([[1.0], None, [np.nan], [2.0]], "row 3: the vector in 'embedding' holds NaN"),
        ([[1.0], [2.0], [3.0], [np.inf]], "row 4: the vector in 'embedding' holds NaN, infinity"),
        ([[1.0, 2], [3.0, None], [4.0, 5], [6.0, 7]], "row 2: the vector .* or no value"),
        ([None, None, None, None], "holds no vectors"),
    ],
)
def test_a_vector_that_cannot_be_used_is_named(values: list, message: str, tmp_path: Path):
    path = write_table(tmp_path / "table.parquet", values, pl.List(pl.Float32))
    with pytest.raises(DualhashError, match=message):
        column_vectors(path, "embedding")


def test_other_columns_are_refused(tmp_path: Path):
    path = write_table(tmp_path / "table.parquet", [[1.0]] * 4, pl.List(pl.Float64))
    with pytest.raises(DualhashError, match="not vectors of float16 or float32"):
        column_vectors(path, "embedding")
    with pytest.raises(DualhashError, match=r"has no column 'embeding' .*Did you mean 'embedding'"):
        column_vectors(path, "embeding")
    with pytest.raises(DualhashError, match="only a Parquet table can"):
        column_vectors(tmp_path / "table.csv", "embedding")


@pytest.mark.parametrize("kind", [pl.List(pl.Float32), pl.Array(pl.Float32, 3)])
def test_row_groups_are_read_one_after_the_other(
    kind: pl.DataType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The second of two row groups is damaged, and the first is converted before it is read."""
    values = np.arange(18, dtype=np.float32).reshape(6, 3) + 0.5
    frame = pl.DataFrame({"embedding": pl.Series(values.tolist(), dtype=kind)})
    path = tmp_path / "table.parquet"
    frame.write_parquet(path, row_group_size=3, compression="uncompressed")
    content = path.read_bytes()
    start, second = (content.index(group.tobytes()) for group in (values[:3], values[3:]))
    end = start + values[:3].nbytes
    path.write_bytes(content[:end] + bytes(second - end) + content[second:])
    convert, converted = vectors_module._converted, []

    def spy(cells: pl.Series, *rest: object) -> np.ndarray:
        converted.append(cells.to_list())
        return convert(cells, *rest)

    monkeypatch.setattr(vectors_module, "_converted", spy)
    with pytest.raises(DualhashError, match=r"'embedding' of .*table\.parquet cannot be read"):
        column_vectors(path, "embedding")
    assert converted == [values[:3].tolist()]


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_numpy_files_are_mapped(kind: type, tmp_path: Path):
    np.save(tmp_path / "vectors.npy", VECTORS.astype(kind))
    vectors = open_vectors(tmp_path / "vectors.npy", 4, "table.csv")
    assert isinstance(vectors.values, np.memmap)
    np.testing.assert_array_equal(vectors[:], VECTORS.astype(kind))
    assert vectors.length == 3


def test_files_that_are_no_arrays_are_refused(tmp_path: Path):
    file = tmp_path / "vectors.npy"
    for content in (b"something else", b""):
        file.write_bytes(content)
        with pytest.raises(DualhashError, match="cannot be read as a NumPy array"):
            open_vectors(file, 4, "table.csv")
    with file.open("wb") as archive:
        np.savez(archive, VECTORS)
    with pytest.raises(DualhashError, match="holds several arrays"):
        open_vectors(file, 4, "table.csv")
    np.save(file, VECTORS.astype(np.float64))
    with pytest.raises(DualhashError, match=r"row 1: .* float64, not float16 or float32"):
        open_vectors(file, 4, "table.csv")
    np.save(file, VECTORS)
    with pytest.raises(DualhashError, match=r"4 vectors, but table.csv has 5 rows. Row i of"):
        open_vectors(file, 5, "table.csv")


@pytest.mark.parametrize(("wrong", "row"), [(np.nan, 2), (np.inf, 4)])
def test_values_that_are_not_finite_are_named_by_row(wrong: float, row: int):
    vectors = VECTORS.copy()
    vectors[row - 1, 1] = wrong
    with pytest.raises(DualhashError, match=f"x.npy row {row}: the vector holds NaN or infinity"):
        check_vectors(vectors, "x.npy")


def test_another_length_is_refused():
    with pytest.raises(DualhashError, match=r"x\.npy row 1: the vector has 3 values, not 5"):
        check_vectors(VECTORS, "x.npy", 5)
    check_vectors(VECTORS, "x.npy", 3)
    with pytest.raises(DualhashError, match=r"^The vector has 3 values, not 5"):
        check_vectors(VECTORS[:1], None, 5)
    with pytest.raises(DualhashError, match=r"shape \(12,\); \(rows, values\) is needed"):
        check_vectors(VECTORS.ravel(), "x.npy")


def test_the_hash_of_vectors_depends_on_their_content():
    vectors = open_vectors(VECTORS, 4, "x")
    other = VECTORS.copy()
    other[3, 2] += 1
    hashes = {vectors.hash, vectors.take(np.array([1, 0])).hash, open_vectors(other, 4, "x").hash}
    assert len(hashes) == 3
    assert open_vectors(VECTORS.copy(), 4, "x").hash == vectors.hash


def test_a_table_of_vectors_needs_no_images(tmp_path: Path):
    path = write_table(tmp_path / "table.parquet", [[1.0], None, [3.0], [4.0]], pl.List(pl.Float32))
    catalogue = Catalogue.read(path, Columns(features="embedding"))
    assert catalogue.references == ("table.parquet#1", "table.parquet#3", "table.parquet#4")
    assert catalogue.left_out == ["table.parquet row 2: the vector is missing"]
    assert "embedding" not in catalogue.payload.columns
    assert catalogue.features is not None
    assert catalogue.features[:].tolist() == [[1.0], [3.0], [4.0]]
    chosen = catalogue.take(np.array([2, 0]))
    assert chosen.features is not None
    assert chosen.features[:].tolist() == [[4.0], [1.0]]


def test_images_of_a_table_of_vectors_may_be_missing(tmp_path: Path):
    colour_image(tmp_path / "a.png", (1, 2, 3))
    (tmp_path / "table.csv").write_text("image,category\na.png,x\ngone.png,y\n,x\na.png,y\n")
    np.save(tmp_path / "emb.npy", VECTORS)
    catalogue = Catalogue.read(tmp_path / "table.csv", features=tmp_path / "emb.npy")
    assert catalogue.references == ("a.png", "gone.png", "table.csv#3")
    assert catalogue.left_out == ["table.csv row 4: the image a.png is a duplicate of row 1"]
    assert catalogue.features is not None
    np.testing.assert_array_equal(catalogue.features[:], VECTORS[:3])


def test_an_array_in_place_of_a_column(tmp_path: Path):
    path = write_table(tmp_path / "table.parquet", [[1.0]] * 4, pl.List(pl.Float32))
    catalogue = Catalogue.read(path, Columns(features="embedding"), features=VECTORS)
    assert catalogue.features is not None
    assert catalogue.features.length == 3
    again = Catalogue.read(path, Columns(features="embedding")).with_features(VECTORS)
    assert again.features is not None
    assert again.features.length == 3


def test_only_tables_take_an_array_and_other_columns_must_exist(tmp_path: Path):
    colour_image(tmp_path / "images" / "a.png", (1, 2, 3))
    with pytest.raises(DualhashError, match="is not a table, so its features cannot be"):
        Catalogue.read(tmp_path / "images", features=VECTORS)
    path = write_table(tmp_path / "table.parquet", None)
    with pytest.raises(DualhashError, match="has no column 'sku'"):
        Catalogue.read(path, Columns(image="sku"), features=VECTORS)
    with pytest.raises(DualhashError, match="has no column 'image'"):
        Catalogue.read(path)


def test_a_table_in_memory_takes_an_array():
    frame = pl.DataFrame({"category": ["a", "b", "a", "b"]})
    catalogue = Catalogue.from_polars(frame, features=VECTORS)
    assert catalogue.references == ("frame#1", "frame#2", "frame#3", "frame#4")
    assert catalogue.features is not None
    np.testing.assert_array_equal(catalogue.features[:], VECTORS)
    with pytest.raises(DualhashError, match="has 3 vectors, but frame has 4 rows"):
        Catalogue.from_polars(frame, features=VECTORS[:3])
