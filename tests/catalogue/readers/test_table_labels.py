import pytest

from dualhash.catalogue.catalogue import MISSING, SUBSETS, LabelNames, Subset
from dualhash.catalogue.columns import Columns, default_min_positives
from dualhash.catalogue.problems import CatalogueProblem
from dualhash.catalogue.readers.table import read_table
from dualhash.errors import DualhashError
from tests.catalogue.readers.conftest import messages, write_csv


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
