"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, validators

from dualhash.errors import DualhashError, nearest

if TYPE_CHECKING:
    from cyclopts import Token

    from dualhash.catalogue.catalogue import Catalogue
    from dualhash.catalogue.columns import Columns
    from dualhash.codes import Model


def split_commas(_: object, tokens: Sequence[Token]) -> tuple[str, ...]:
    """`a,b` and a repeated option alike, spaces around names dropped."""
    names = (name.strip() for token in tokens for name in token.value.split(","))
    return tuple(name for name in names if name)


Names = Annotated[
    tuple[str, ...],
    Parameter(
        converter=split_commas,
        negative=(),
        consume_multiple=False,
        show_default=False,
        metavar="A,B",
    ),
]
"""An option that takes a comma-separated list of names."""


def index_file(_: object, tokens: Sequence[Token]) -> Path:
    """A path; an address, which is searched but not changed, is told what can be done there."""
    from dualhash.search.remote import opener

    (token,) = tokens
    if opener(token.value) is None:
        return Path(token.value)
    where = "that was pushed there" if token.value.startswith("milvus") else "that it serves"
    raise DualhashError(
        f"{token.value} can be searched, and no more: give this command the index file {where}, on "
        "the machine where that is."
    )


IndexFile = Annotated[Path, Parameter(converter=index_file)]
"""An index file where an address, as a search takes it, would not do."""


Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
"""An option that takes a whole number of at least 1."""


@Parameter(name="*", group="Columns of a table")
@dataclass(frozen=True)
class ColumnOptions:
    """Which column of a table plays which part; an option left out keeps what was remembered.

    Attributes:
        image_column: Column of image paths, relative to the table's folder (default "image").
        category_column: Column of categories (default "category" if there is one).
        attribute_columns: Columns of binary attributes: 1, 0 or empty, as a,b,c.
        facet_columns: Columns that hold one of several values, such as a colour, as a,b,c; each
            frequent value becomes the attribute column=value.
        subset_column: Column that says train-both, train-attribute, train-category or test
            (default "subset" if there is one).
        min_positives: How many images a facet value needs to become an attribute (default 50).
    """

    image_column: str | None = None
    category_column: str | None = None
    attribute_columns: Names = ()
    facet_columns: Names = ()
    subset_column: str | None = None
    min_positives: Count | None = None

    def columns(self, remembered: Columns | None = None) -> Columns:
        """What was given on the command line, over what a model remembers or the defaults."""
        from dualhash.catalogue.columns import Columns

        return (remembered or Columns()).model_copy(update=self._given())

    def read(self, source: str, model: Model | None = None) -> Catalogue:
        """The catalogue, with the names and remembered columns of `model` if there is one.

        Raises:
            DualhashError: It cannot be read, or not with the columns that were given.
        """
        from dualhash.catalogue.read import read_catalogue

        if model is None:
            catalogue = read_catalogue(source, self.columns())
        else:
            remembered = self.columns(model.card.columns)
            catalogue = read_catalogue(source, remembered, like=model.card.names)
        if catalogue.columns != catalogue.columns.model_copy(update=self._given()):
            raise DualhashError(
                f"{source} is read in its own way; the options for columns are for tables."
            )
        there = catalogue.payload.columns
        labels = (self.category_column, self.subset_column)
        for name in (*labels, *self.attribute_columns, *self.facet_columns):
            if name is not None and name not in there:
                raise DualhashError(f"{source} has no column {name!r}. {nearest(name, there)}")
        return catalogue

    def _given(self) -> dict[str, Any]:
        """Fields of `Columns` for which an option was given."""
        return {
            _field(name): value for name, value in asdict(self).items() if value not in (None, ())
        }


def _field(option: str) -> str:
    """`facet_columns` is the field `facets` of `Columns`, `image_column` the field `image`."""
    return option.replace("_columns", "s").removesuffix("_column")
