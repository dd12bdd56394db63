import polars as pl
import pytest

from dualhash.catalogue.columns import Columns
from dualhash.catalogue.readers.table import read_table
from dualhash.errors import DualhashError


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
