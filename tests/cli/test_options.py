from pathlib import Path
from typing import Any

import pytest
from cyclopts import App, CoercionError, UnknownOptionError, ValidationError

from dualhash.catalogue.columns import Columns
from dualhash.cli.options import ColumnOptions
from dualhash.codes import Model
from dualhash.errors import DualhashError
from tests.builders import colour_image, colour_model


def parse(*arguments: str) -> Any:
    app = App(result_action="return_value")

    @app.default
    def command(*, columns: ColumnOptions = ColumnOptions()) -> ColumnOptions:
        return columns

    return app(list(arguments), print_error=False, exit_on_error=False)


def test_every_option_reaches_its_column():
    options = parse(
        *("--image-column", "file", "--category-column", "kind", "--subset-column", "part"),
        *("--attribute-columns", "new,sale", "--facet-columns", "colour", "--min-positives", "7"),
        *("--group-column", "product"),
    )
    assert options.columns() == Columns(
        image="file",
        category="kind",
        attributes=("new", "sale"),
        facets=("colour",),
        subset="part",
        group="product",
        min_positives=7,
    )


def test_lists_are_comma_separated_or_repeated():
    options = parse("--facet-columns", "colour, season,", "--facet-columns", "main use")
    assert options.facet_columns == ("colour", "season", "main use")


def test_columns_of_the_model_are_the_default():
    remembered = Columns(image="file", facets=("colour",), min_positives=3)
    assert parse().columns(remembered) == remembered
    assert parse().columns() == Columns()


def test_options_replace_columns_of_the_model():
    remembered = Columns(category="kind", facets=("colour",))
    changed = parse("--facet-columns", "season").columns(remembered)
    assert changed == Columns(category="kind", facets=("season",))


def test_an_invalid_value_names_its_option():
    with pytest.raises(ValidationError, match="--min-positives"):
        parse("--min-positives", "0")


def test_a_fraction_is_not_rounded_to_a_whole_number():
    with pytest.raises(CoercionError, match=r"--min-positives.*2\.5"):
        parse("--min-positives", "2.5")


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(UnknownOptionError, match="--facet-columns"):
        parse("--facet-column", "colour")


class TestRead:
    @pytest.fixture
    def model(self, tmp_path: Path) -> Model:
        colour_image(tmp_path / "0.png", (1, 2, 3))
        (tmp_path / "t.csv").write_text("image,kind,red\n0.png,circle,1\n")
        columns = Columns(category="category", attributes=("red", "green"))
        return colour_model(tmp_path / "model", columns=columns)

    def test_names_and_columns_come_from_the_model(self, model: Model, tmp_path: Path):
        found = ColumnOptions(category_column="kind").read(str(tmp_path / "t.csv"), model)
        assert found.names == model.card.names
        assert found.categories.tolist() == [0]
        assert found.observed.tolist() == [[True, False, False]]

    def test_only_a_given_column_must_exist(self, model: Model, tmp_path: Path):
        table = str(tmp_path / "t.csv")
        assert len(ColumnOptions().read(table, model)) == 1
        for options in (
            ColumnOptions(category_column="knd"),
            ColumnOptions(facet_columns=("knd",)),
        ):
            with pytest.raises(DualhashError, match=r"no column 'knd'\. Did you mean 'kind'"):
                options.read(table, model)

    def test_options_without_effect_are_refused(self, model: Model, tmp_path: Path):
        assert len(ColumnOptions().read(str(tmp_path), model)) == 1
        with pytest.raises(DualhashError, match="is not a table"):
            ColumnOptions(category_column="kind").read(str(tmp_path), model)
