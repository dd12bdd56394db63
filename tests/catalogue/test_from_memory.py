"""Catalogues from a table of polars and from arrays give what the same table in a file gives."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dualhash.catalogue.catalogue import MISSING, Catalogue, LabelNames, Subset
from dualhash.catalogue.columns import Columns
from dualhash.errors import DualhashError

FRAME = pl.DataFrame(
    {
        "image": ["0.png", "1.png", "gone.png", "2.png", "3.png"],
        "category": ["shirt", "shoe", "shirt", None, "N/A"],
        "new": [True, False, True, None, True],
        "size": [38.0, 40.0, float("nan"), 38.0, None],
        "subset": ["train-both", "test", "test", "train-attribute", "training"],
    }
)
COLUMNS = Columns(attributes=("new",), facets=("size",), min_positives=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(4):
        (tmp_path / f"{i}.png").touch()
    return tmp_path


def of(problems: tuple, name: str) -> list[str]:
    return [str(problem).replace(name, "TABLE") for problem in problems]


def assert_same(one: Catalogue, other: Catalogue) -> None:
    assert (one.images, one.references, one.names) == (other.images, other.references, other.names)
    for name in ("categories", "attributes", "observed", "subsets", "row_numbers"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


def test_a_frame_is_read_like_its_file(folder: Path):
    FRAME.write_parquet(folder / "shop.parquet")
    in_file = Catalogue.read(folder / "shop.parquet", COLUMNS)
    in_memory = Catalogue.from_polars(FRAME, COLUMNS, folder=folder)
    assert_same(in_memory, in_file)
    assert in_memory.payload.equals(in_file.payload)
    assert of(in_memory.problems, "frame") == of(in_file.problems, "shop.parquet")
    assert "frame row 3: the image gone.png does not exist" in in_memory.left_out
    assert in_memory.categories.tolist() == [0, 1, MISSING, MISSING]
    assert in_memory.names.attributes == ("new", "size=38.0", "size=40.0")


def test_paths_of_a_frame_are_relative_to_the_current_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(folder)
    assert Catalogue.from_polars(FRAME, COLUMNS).images[0] == Path("0.png")


def test_a_frame_is_read_like_a_model(folder: Path):
    like = LabelNames(("shoe", "hat"), ("size=40.0", "old"))
    catalogue = Catalogue.from_polars(FRAME, COLUMNS, folder=folder, like=like)
    assert catalogue.names == LabelNames(("shoe", "hat", "shirt"), ("size=40.0", "old"))
    assert catalogue.categories.tolist() == [2, 0, MISSING, MISSING]
    assert any("was not trained on" in remark for remark in catalogue.remarks)


def test_wrong_frames_are_refused_like_files(folder: Path):
    with pytest.raises(DualhashError, match=r"frame has no column 'file' \(--image-column\)"):
        Catalogue.from_polars(FRAME, Columns(image="file"), folder=folder)
    with pytest.raises(DualhashError, match="frame has no rows"):
        Catalogue.from_polars(FRAME[:0], COLUMNS, folder=folder)
    with pytest.raises(DualhashError, match="frame: none of its 5 rows can be used"):
        Catalogue.from_polars(FRAME, COLUMNS, folder=folder / "none")
    listed = FRAME.with_columns(category=pl.lit([["a"]]))
    with pytest.raises(DualhashError, match="column 'category' holds List"):
        Catalogue.from_polars(listed, COLUMNS, folder=folder)


def test_arrays_hand_worked_example(folder: Path):
    catalogue = Catalogue.from_arrays(
        ["0.png", folder / "1.png", "gone.png", np.str_("2.png")],
        categories=["shoe", "hat", "hat", None],
        attributes=np.array([[1, 0], [0, 1], [1, 1], [1, 0]]),
        observed=np.array([[True, True], [True, False], [True, True], [True, True]]),
        attribute_names=["new", "red"],
        subsets=["train-both", "test", "test", None],
        folder=folder,
    )
    assert catalogue.images == tuple(folder / f"{i}.png" for i in range(3))
    assert catalogue.names == LabelNames(("hat", "shoe"), ("new", "red"))
    assert catalogue.categories.tolist() == [1, 0, MISSING]
    assert catalogue.attributes.tolist() == [[1, 0], [0, 0], [1, 0]]
    assert catalogue.observed.tolist() == [[True, True], [True, False], [True, True]]
    assert catalogue.subsets.tolist() == [Subset.TRAIN_BOTH, Subset.TEST, -1]
    assert catalogue.left_out == ["arrays row 3: the image gone.png does not exist"]


def test_indices_keep_the_order_of_the_category_names(folder: Path):
    catalogue = Catalogue.from_arrays(
        [f"{i}.png" for i in range(4)],
        categories=np.array([2, 0, MISSING, 2]),
        category_names=["shoe", "coat", "hat"],
        folder=folder,
    )
    assert catalogue.names.categories == ("shoe", "coat", "hat")
    assert catalogue.categories.tolist() == [2, 0, MISSING, 2]
    assert catalogue.attributes.shape == (4, 0)


def test_without_subsets_they_are_those_of_a_table(folder: Path):
    images, kinds = [f"{i}.png" for i in range(4)], ["a", "b", "a", None]
    (folder / "t.csv").write_text(
        "image,category\n" + "".join(f"{i},{k or ''}\n" for i, k in zip(images, kinds, strict=True))
    )
    in_memory = Catalogue.from_arrays(images, categories=kinds, folder=folder)
    in_file = Catalogue.read(folder / "t.csv")
    assert_same(in_memory, in_file)
    assert of(in_memory.problems, "arrays") == of(in_file.problems, "t.csv")


def test_an_attribute_that_is_neither_0_nor_1_is_a_remark(folder: Path):
    catalogue = Catalogue.from_arrays(
        ["0.png", "1.png"],
        attributes=np.array([[2], [1]]),
        attribute_names=["new"],
        folder=folder,
    )
    assert catalogue.observed.tolist() == [[False], [True]]
    assert any("'2' in column 'new' is not 1, 0 or empty" in each for each in catalogue.remarks)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"categories": ["a"]}, "2 images, but 1 category labels"),
        ({"subsets": ["test"] * 3}, "2 images, but 3 subset labels"),
        ({"attributes": np.ones((2, 2), int)}, r"attributes of shape \(2, 0\), not \(2, 2\)"),
        ({"attribute_names": ["a"]}, r"attributes of shape \(2, 1\), not \(2, 0\)"),
        (
            {
                "attributes": np.ones((2, 1), int),
                "attribute_names": ["a"],
                "observed": np.ones((1, 1), bool),
            },
            r"observed of shape \(2, 1\), not \(1, 1\)",
        ),
        (
            {"attributes": np.ones((2, 1), int), "attribute_names": ["image"]},
            "'image' is taken or occurs twice",
        ),
        (
            {"attributes": np.ones((2, 2), int), "attribute_names": ["a", "a"]},
            "'a' is taken or occurs twice",
        ),
        ({"categories": np.array([0, 1])}, "indices from 0 to 1, but there are 0 category names"),
        ({"categories": np.array([-2, 0]), "category_names": ["a"]}, "A missing category is -1"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(folder: Path, arrays: dict, message: str):
    with pytest.raises(DualhashError, match=message):
        Catalogue.from_arrays(["0.png", "1.png"], **arrays, folder=folder)
