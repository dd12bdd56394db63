import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.catalogue.catalogue import MISSING, SUBSETS, Catalogue, LabelNames, Subset
from dualhash.catalogue.columns import MISSING_VALUES, Columns, default_min_positives
from dualhash.catalogue.problems import CatalogueProblem
from dualhash.catalogue.readers.table import read_table
from dualhash.errors import DualhashError

Row = Sequence[str]
Write = Callable[..., Path]


def write_csv(path: Path, header: Row, rows: Sequence[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files 0.png to 11.png, which reading a table does not open."""
    folder = tmp_path_factory.mktemp("shop")
    for i in range(12):
        (folder / f"{i}.png").touch()
    return folder


@pytest.fixture
def table(shop: Path) -> Write:
    """Writes products.csv with the given header and rows, as they are."""

    def write(header: str, *rows: str) -> Path:
        path = shop / "products.csv"
        path.write_text("\n".join((header, *rows)) + "\n")
        return path

    return write


def messages(catalogue: Catalogue) -> list[tuple[str, str]]:
    return [(p.location.removeprefix("products.csv "), p.message) for p in catalogue.problems]


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


class TestMissingValues:
    def test_usual_spellings_are_missing_and_counted(self, table):
        missing = ["N/A", "nan", "None", "-", "unknown", "--", "n.a.", "Missing", ""]
        colours = ["red", *missing, "blue", "red"]
        rows = [f"{i}.png,{colour}" for i, colour in enumerate(colours)]
        path = table("image,colour", *rows)
        catalogue = read_table(path, Columns(facets=("colour",), min_positives=1))
        assert catalogue.names.attributes == ("colour=blue", "colour=red")
        observed = catalogue.observed[:, 1].astype(int).tolist()
        assert observed == [1, *(0 for _ in missing), 1, 1]
        assert catalogue.payload["colour"].to_list()[1] == "N/A"
        assert catalogue.remarks[0] == (
            "products.csv: column 'colour': read as missing (--missing-values): '-' (1), '--' (1), "
            "'Missing' (1), 'N/A' (1), 'None' (1), 'n.a.' (1), 'nan' (1), 'unknown' (1)"
        )

    def test_all_usual_spellings_are_missing(self, table):
        missing = ["NULL", "Unknown", "unknown", "NOT AVAILABLE", "?", "#N/A", "<NA>", "na"]
        rows = [f"{i}.png,{cell}" for i, cell in enumerate(["hat", *missing])]
        assert read_table(table("image,category", *rows), Columns()).names.categories == ("hat",)

    def test_missing_values_are_recognised_in_every_label_column(self, table):
        path = table("image,category,new,subset", "0.png,NA,?,-", "1.png,shirt,1,test")
        catalogue = read_table(path, Columns(attributes=("new",)))
        assert catalogue.names.categories == ("shirt",)
        assert catalogue.categories.tolist() == [MISSING, 0]
        assert catalogue.observed[:, 0].tolist() == [False, True]
        assert catalogue.subsets.tolist() == [-1, Subset.TEST]
        assert len(catalogue.problems) == 3

    def test_missing_values_are_reported_before_single_rows(self, table):
        path = table("image,new,colour", "0.png,perhaps,red", "1.png,1,unknown")
        columns = Columns(attributes=("new",), facets=("colour",), min_positives=1)
        remarks = read_table(path, columns).remarks
        assert "'unknown' (1)" in remarks[0]
        assert "row 1: 'perhaps'" in remarks[-1]

    def test_the_list_can_be_changed(self, table):
        path = table("image,category", "0.png,None", "1.png,TBD", "2.png,a")
        catalogue = read_table(path, Columns(missing_values=("tbd",)))
        assert catalogue.names.categories == ("None", "a")
        assert catalogue.categories.tolist() == [0, MISSING, 1]


class TestUnknownValues:
    def test_unknown_attribute_values_are_missing(self, table):
        path = table("image,new,subset", "0.png,1,test", "1.png,perhaps,test", "2.png,-1,test")
        catalogue = read_table(path, Columns(attributes=("new",)))
        assert catalogue.observed[:, 0].tolist() == [True, False, False]
        assert messages(catalogue) == [
            ("row 2", "'perhaps' in column 'new' is not 1, 0 or empty; it is read as missing"),
            ("row 3", "'-1' in column 'new' is not 1, 0 or empty; it is read as missing"),
        ]
        assert not any(problem.fatal for problem in catalogue.problems)

    def test_images_with_unknown_subsets_are_in_none(self, table):
        catalogue = read_table(table("image,subset", "0.png,test", "1.png,train"), Columns())
        assert catalogue.subsets.tolist() == [Subset.TEST, -1]
        [(where, what)] = messages(catalogue)
        assert where == "row 2"
        assert what.startswith("'train' in column 'subset' is not a subset")
        assert all(name in what for name in SUBSETS)


class TestFacets:
    def test_rare_values_are_listed_once(self, table):
        colours = ["red"] * 4 + ["blue"] * 3 + ["grey", "grey", "teal"]
        rows = [f"{i}.png,{colour},test" for i, colour in enumerate(colours)]
        path = table("image,colour,subset", *rows)
        catalogue = read_table(path, Columns(facets=("colour",), min_positives=3))
        assert catalogue.names.attributes == ("colour=blue", "colour=red")
        assert catalogue.problems == (
            CatalogueProblem(
                "products.csv",
                "facet 'colour': values that fewer than 3 images have (--min-positives); they do "
                "not become attributes (2): grey (2), teal (1)",
            ),
        )
        assert catalogue.observed.all()

    @pytest.mark.parametrize(
        ("images", "least"), [(1, 5), (100, 5), (501, 5), (2_000, 20), (33_756, 250), (10**6, 250)]
    )
    def test_the_default_minimum_follows_the_number_of_images(self, images: int, least: int):
        assert default_min_positives(images) == least

    def test_the_default_minimum_counts_usable_rows(self, table):
        rows = [f"{i}.png,{'red' if i < 6 else 'blue'}" for i in range(600)]
        catalogue = read_table(table("image,colour", *rows), Columns(facets=("colour",)))
        assert catalogue.columns.min_positives == 5
        assert catalogue.names.attributes == ("colour=blue", "colour=red")

    def test_a_long_list_of_rare_values_is_shortened(self, shop):
        rows = [[f"{i}.png", f"value {i % 12}", "test"] for i in range(12)]
        for i in range(12, 25):
            (shop / f"{i}.png").touch()
            rows.append([f"{i}.png", f"value {i}", "test"])
        path = write_csv(shop / "products.csv", ["image", "count", "subset"], rows)
        [problem] = read_table(path, Columns(facets=("count",), min_positives=2)).problems
        assert problem.message.endswith("… and 5 more")


class TestLike:
    ROWS = ("0.png,a,1,red,test", "1.png,b,0,blue,train-both", "2.png,c,,red,")
    HEADER = "image,category,new,colour,subset"
    COLUMNS = Columns(attributes=("new",), facets=("colour",), min_positives=2)

    def test_names_of_the_model_are_used(self, table):
        like = LabelNames(("c", "b"), ("colour=blue", "colour=green", "new"))
        catalogue = read_table(table(self.HEADER, *self.ROWS), self.COLUMNS, like).aligned(like)
        assert catalogue.names == LabelNames(("c", "b", "a"), like.attributes)
        assert catalogue.categories.tolist() == [2, 1, 0]
        assert catalogue.attributes.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]
        assert catalogue.observed.tolist() == [[True] * 3, [True] * 3, [True, True, False]]
        assert catalogue.problems == ()

    def test_names_of_the_same_table_change_nothing(self, table):
        path = table(self.HEADER, *self.ROWS)
        first = read_table(path, self.COLUMNS)
        again = read_table(path, first.columns, first.names).aligned(first.names)
        assert again.label_hash == first.label_hash

    def test_labels_of_columns_that_do_not_exist_are_missing(self, table):
        columns = self.COLUMNS.model_copy(update={"category": "kind", "subset": "part"})
        like = LabelNames(("a",), ("new", "colour=red"))
        catalogue = read_table(table("image", "0.png"), columns, like).aligned(like)
        assert catalogue.categories.tolist() == [MISSING]
        assert catalogue.observed.tolist() == [[False, False]]
        (absent,) = [what for _, what in messages(catalogue) if "not exist" in what]
        assert absent.endswith("missing: 'kind', 'new', 'colour', 'part'")

    def test_the_image_column_must_exist(self, table):
        with pytest.raises(DualhashError, match="no column 'photo'"):
            read_table(table("image", "0.png"), Columns(image="photo"), LabelNames((), ()))


class TestRefusals:
    @pytest.mark.parametrize(
        ("columns", "option"),
        [
            (Columns(image="imag"), "--image-column"),
            (Columns(category="Catgory"), "--category-column"),
            (Columns(attributes=("new", "colr")), "--attribute-columns"),
            (Columns(facets=("colr",)), "--facet-columns"),
            (Columns(subset="Subst"), "--subset-column"),
            (Columns(group="subst"), "--group-column"),
        ],
    )
    def test_an_unknown_column_suggests_the_nearest(self, table, columns, option):
        path = table("image,category,new,colour,subset", "0.png,a,1,red,test")
        with pytest.raises(
            DualhashError, match=rf"products\.csv has no column .*{option}.*Did you"
        ):
            read_table(path, columns)

    def test_equal_column_names_are_refused(self, table):
        path = table("image,colour,size,colour,size,colour,,", "0.png,red,1,blue,2,green,,")
        with pytest.raises(DualhashError, match=r"one column named 'colour', 'size'\. Rename"):
            read_table(path, Columns(facets=("colour",), min_positives=1))

    def test_equal_parquet_column_names_are_refused(self, shop):
        path = shop / "same.parquet"
        pl.DataFrame({"image": ["0.png"], "colour": ["red"], "colouX": ["blue"]}).write_parquet(
            path
        )
        path.write_bytes(path.read_bytes().replace(b"colouX", b"colour"))
        with pytest.raises(DualhashError, match=r"same\.parquet .*'?colour"):
            read_table(path, Columns())

    def test_two_columns_of_one_attribute_are_refused(self, table):
        path = table("image,colour,colour=red", "0.png,red,1")
        columns = Columns(attributes=("colour=red",), facets=("colour",), min_positives=1)
        with pytest.raises(DualhashError, match="two columns give the attribute 'colour=red'"):
            read_table(path, columns)

    @pytest.mark.parametrize("content", [b"", b"image,category\n"])
    def test_an_empty_table_is_refused(self, shop, content):
        (shop / "t.csv").write_bytes(content)
        with pytest.raises(DualhashError, match=r"t\.csv (has no rows|cannot be read: empty)"):
            read_table(shop / "t.csv", Columns())

    def test_rows_with_too_many_fields_are_refused(self, table):
        path = table("image,category", "0.png,a", "1.png,a,b", "2.png,b")
        with pytest.raises(DualhashError, match="row 2 has 3 fields, but the header has 2"):
            read_table(path, Columns())

    def test_a_table_that_is_not_utf8_is_refused(self, shop):
        for content, message in (
            (
                "image,category\n0.png,café\n".encode("latin-1"),
                r"line 2 has .* 'é' in Latin-1\. Save",
            ),
            ("image,catégorie\n0.png,a\n".encode("latin-1"), "line 1 has a byte that is 'é'"),
            ("image,category\n0.png,a\n".encode("utf-16"), r"t\.csv is UTF-16\. Save it as UTF-8"),
        ):
            (shop / "t.csv").write_bytes(content)
            with pytest.raises(DualhashError, match=message):
                read_table(shop / "t.csv", Columns())

    @pytest.mark.parametrize(
        ("mark", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
    )
    @pytest.mark.parametrize("cell", ["a", "1,50"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_other_separators_are_refused(
        self, shop, mark: str, name: str, cell: str, encoding: str
    ):
        text = f"image{mark}category\n0.png{mark}{cell}\n"
        (shop / "t.csv").write_text(text, encoding=encoding)
        with pytest.raises(DualhashError, match=f"has {name} between its column names: 'im"):
            read_table(shop / "t.csv", Columns())

    def test_a_single_column_is_a_table(self, shop):
        (shop / "t.csv").write_text("image\n0.png\n")
        assert read_table(shop / "t.csv", Columns()).references == ("0.png",)

    def test_a_damaged_parquet_file_is_refused(self, shop):
        (shop / "t.parquet").write_bytes(b"image,category\n")
        with pytest.raises(DualhashError, match=r"t\.parquet cannot be read"):
            read_table(shop / "t.parquet", Columns())

    def test_a_missing_table_is_refused(self, shop):
        with pytest.raises(DualhashError, match=r"none\.csv cannot be read: No such file"):
            read_table(shop / "none.csv", Columns())

    def test_a_column_of_lists_is_refused(self, shop):
        pl.DataFrame({"image": ["0.png"], "category": [[1, 2]]}).write_parquet(shop / "l.parquet")
        with pytest.raises(DualhashError, match="column 'category' holds List"):
            read_table(shop / "l.parquet", Columns())


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
