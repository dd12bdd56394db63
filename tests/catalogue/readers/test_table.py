from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.catalogue.catalogue import MISSING, SUBSETS, LabelNames, Subset
from dualhash.catalogue.columns import MISSING_VALUES, Columns
from dualhash.catalogue.readers.table import read_table
from dualhash.errors import DualhashError
from tests.catalogue.readers.conftest import Write, messages, write_csv


def test_a_small_table_hand_worked_example(table: Write, shop: Path):
    path = table(
        "image,category,new,colour,season,subset,price",
        "0.png,shirt,1,red,summer,train-both,10",
        "1.png,shirt,0,blue,,train-both,",
        "2.png,,1,red,winter,train-attribute,12.50",
        "3.png,Shoe,,,,train-category,7",
        "4.png,shirt,0,black,winter,test,7",
        "5.png,,,,,,",
    )
    columns = Columns(attributes=("new",), facets=("season", "colour"), min_positives=1)
    catalogue = read_table(path, columns)
    assert catalogue.source == str(path)
    assert catalogue.images == tuple(shop / f"{i}.png" for i in range(6))
    assert catalogue.references == tuple(f"{i}.png" for i in range(6))
    assert catalogue.names.categories == ("Shoe", "shirt")
    assert catalogue.names.attributes == (
        "new",
        "season=summer",
        "season=winter",
        "colour=black",
        "colour=blue",
        "colour=red",
    )
    assert catalogue.categories.tolist() == [1, 1, MISSING, 0, 1, MISSING]
    assert catalogue.attributes.tolist() == [
        [1, 1, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0],
        [1, 0, 1, 0, 0, 1],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]
    assert catalogue.observed.astype(int).tolist() == [
        [1, 1, 1, 1, 1, 1],
        [1, 0, 0, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0],
    ]
    assert catalogue.subsets.tolist() == [0, 0, 1, 2, 3, -1]
    assert catalogue.payload["price"].to_list() == ["10", None, "12.50", "7", "7", None]
    assert catalogue.columns == columns.model_copy(
        update={"category": "category", "subset": "subset"}
    )
    assert catalogue.problems == ()
    kinds = (catalogue.categories, catalogue.attributes, catalogue.observed, catalogue.subsets)
    assert [array.dtype for array in kinds] == [np.int64, np.int8, np.bool_, np.int8]


def test_spelling_is_kept(table: Write):
    path = table("image,category", "0.png,007", "1.png,1.50", "2.png,NÄ", "3.png,true")
    assert read_table(path, Columns()).names.categories == ("007", "1.50", "NÄ", "true")


def test_a_table_of_images_only(table: Write):
    catalogue = read_table(table("image", "0.png", "1.png"), Columns())
    assert catalogue.names == LabelNames((), ())
    assert catalogue.categories.tolist() == [MISSING, MISSING]
    assert catalogue.attributes.shape == catalogue.observed.shape == (2, 0)
    assert catalogue.subsets.tolist() == [-1, -1]
    assert catalogue.problems == ()


def test_images_may_be_in_other_folders(tmp_path: Path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").touch()
    absolute = tmp_path / "b" / "x.png"
    path = write_csv(tmp_path / "a" / "t.csv", ["image"], [["x.png"], [str(absolute)]])
    assert read_table(path, Columns()).images == (tmp_path / "a" / "x.png", absolute)


def test_parquet_and_csv_give_the_same_catalogue(shop: Path):
    frame = pl.DataFrame(
        {
            "image": ["0.png", "1.png", "2.png"],
            "category": [3, None, 12],
            "new": [True, False, None],
            "old": [1.0, float("nan"), 0.0],
            "price": [float("nan"), 2.5, None],
            "colour": pl.Series(["red", None, "red"], dtype=pl.Categorical),
            "subset": ["test", None, "train-both"],
        }
    )
    frame.write_parquet(shop / "t.parquet")
    frame.with_columns(pl.col("old", "price").fill_nan(None)).write_csv(shop / "t.csv")
    columns = Columns(attributes=("new", "old"), facets=("colour",), min_positives=2)
    one, other = (read_table(shop / f"t.{kind}", columns) for kind in ("parquet", "csv"))
    assert one.names == other.names == LabelNames(("12", "3"), ("new", "old", "colour=red"))
    assert one.label_hash == other.label_hash
    assert one.observed.tolist() == [[True, True, True], [True, False, False], [False, True, True]]
    assert one.payload["category"].to_list() == [3, None, 12]
    assert one.payload["price"].to_list() == [None, 2.5, None]


class TestSubsets:
    def test_derived_subsets_are_reported(self, table):
        rows = (
            f"{i}.png,{'abc'[i % 3].strip('c')},{'01'[i % 2] if i % 4 else ''}" for i in range(12)
        )
        catalogue = read_table(table("image,category,new", *rows), Columns(attributes=("new",)))
        both = (catalogue.categories >= 0) & catalogue.observed[:, 0]
        assert set(catalogue.subsets[both].tolist()) <= {Subset.TRAIN_BOTH, Subset.TEST}
        only_attribute = (catalogue.categories < 0) & catalogue.observed[:, 0]
        assert set(catalogue.subsets[only_attribute].tolist()) <= {
            Subset.TRAIN_ATTRIBUTE,
            Subset.TEST,
        }
        assert [p.message[:28] for p in catalogue.problems] == ["There is no subset column: i"]

    def test_subset_column_can_be_named(self, table):
        path = table("image,part,subset", "0.png,test,x", "1.png,,y")
        catalogue = read_table(path, Columns(subset="part"))
        assert catalogue.subsets.tolist() == [Subset.TEST, -1]
        assert [problem.message for problem in catalogue.problems] == [
            "no column holds categories or attributes; choose some with --category-column, "
            "--attribute-columns or --facet-columns, from: subset"
        ]


class TestGroups:
    def test_equal_cells_are_one_group_and_empty_cells_are_on_their_own(self, table):
        path = table(
            "image,category,product", "0.png,a,x", "1.png,b,", "2.png,a,y", "3.png,a,x", "4.png,b,-"
        )
        groups = read_table(path, Columns(group="product")).groups
        assert groups is not None
        assert groups[0] == groups[3]
        assert len(set(groups.tolist())) == 4

    def test_without_a_column_there_are_none(self, table):
        assert read_table(table("image,category", "0.png,a"), Columns()).groups is None

    def test_a_group_is_in_one_derived_subset(self, table):
        rows = (f"{i}.png,a,product {i % 4}" for i in range(12))
        catalogue = read_table(table("image,category,product", *rows), Columns(group="product"))
        one_of_each = catalogue.subsets[:4].tolist()
        assert catalogue.subsets.tolist() == one_of_each * 3

    def test_a_column_that_only_the_model_knows_is_not_needed(self, table):
        path = table("image,category,subset", "0.png,a,test")
        catalogue = read_table(path, Columns(group="product"), LabelNames(("a",), ()))
        assert catalogue.problems == ()


class TestRowsLeftOut:
    def test_each_is_listed_with_row_and_reason(self, table):
        path = table(
            "image,category,subset",
            "0.png,a,test",
            "none.png,a,test",
            ",,",
            ",a,test",
            "./0.png,b,test",
            "1.png,b,test",
            "nowhere/1.png,b,test",
        )
        catalogue = read_table(path, Columns())
        assert catalogue.references == ("0.png", "1.png")
        assert catalogue.names.categories == ("a", "b")
        assert [catalogue.location(i) for i in range(2)] == [
            "products.csv row 1",
            "products.csv row 6",
        ]
        assert all(problem.fatal for problem in catalogue.problems)
        assert messages(catalogue) == [
            ("row 2", "the image none.png does not exist"),
            ("row 3", "the row is empty"),
            ("row 4", "the row has no image path"),
            ("row 5", "the image ./0.png is a duplicate of row 1"),
            ("row 7", "the image nowhere/1.png does not exist"),
        ]

    def test_labels_of_rows_left_out_are_not_counted(self, table):
        path = table("image,category,colour,subset", "0.png,a,red,test", "x.png,b,blue,test")
        catalogue = read_table(path, Columns(facets=("colour",), min_positives=1))
        assert catalogue.names == LabelNames(("a",), ("colour=red",))

    def test_a_table_without_usable_rows_is_refused(self, table):
        with pytest.raises(
            DualhashError, match=r"none of its 2 rows can be used. Row 1: the image x\.png"
        ):
            read_table(table("image", "x.png", "y.png"), Columns())


VALUES = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=' ,"\n='),
    min_size=1,
    max_size=6,
).filter(lambda text: text.strip() == text and text.lower() not in MISSING_VALUES)


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), VALUES),
        st.sampled_from(["1", "0", ""]),
        st.one_of(st.none(), VALUES),
        st.sampled_from([*SUBSETS, ""]),
    ),
    min_size=1,
    max_size=12,
)


@given(ROWS, st.integers(1, 3), st.booleans())
def test_labels_round_trip_through_a_table(
    shop: Path, rows: list[tuple], minimum: int, parquet: bool
):
    header = ["image", "category", "new", "look", "subset"]
    cells = [[f"{i}.png", *(cell or "" for cell in row)] for i, row in enumerate(rows)]
    path = write_csv(shop / "round.csv", header, cells)
    if parquet:
        path = shop / "round.parquet"
        pl.DataFrame(cells, header, orient="row").write_parquet(path)
    columns = Columns(attributes=("new",), facets=("look",), min_positives=minimum)
    catalogue = read_table(path, columns)

    categories, attributes = catalogue.names.categories, catalogue.names.attributes
    assert categories == tuple(sorted({row[0] for row in rows} - {None}))
    looks = [row[2] for row in rows]
    frequent = {f"look={look}" for look in looks if look and looks.count(look) >= minimum}
    assert attributes == ("new", *sorted(frequent))
    for i, (category, new, look, subset) in enumerate(rows):
        index = catalogue.categories[i]
        assert (categories[index] if index >= 0 else None) == category
        labels = {
            name: bool(catalogue.attributes[i, j])
            for j, name in enumerate(attributes)
            if catalogue.observed[i, j]
        }
        expected = {"new": new == "1"} if new else {}
        if look:
            expected |= {name: name == f"look={look}" for name in frequent}
        assert labels == expected
        assert (SUBSETS[catalogue.subsets[i]] if catalogue.subsets[i] >= 0 else "") == subset
    assert not catalogue.attributes[~catalogue.observed].any()


def test_the_fashion_table_is_read(shared_data: Path):
    columns = Columns(
        category="articleType",
        facets=("baseColour", "gender", "season", "usage"),
        min_positives=250,
    )
    catalogue = read_table(shared_data / "fashion" / "products.csv", columns)
    assert len(catalogue) == 33_756
    assert len(catalogue.names.categories) == 73
    assert len(catalogue.names.attributes) == 32
    sizes = [len(catalogue.rows(i)) for i in range(len(SUBSETS))]
    assert sizes == [3_000, 8_000, 17_756, 5_000]
    assert not any(problem.fatal for problem in catalogue.problems)
