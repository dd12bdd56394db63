"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from dualhash.errors import DualhashError

if TYPE_CHECKING:
    from cyclopts import Token
    from pydantic import BaseModel

    from dualhash.catalogue.columns import Columns

M = TypeVar("M", bound="BaseModel")


def split_commas(_: object, tokens: Sequence[Token]) -> tuple[str, ...]:
    """`a,b` and a repeated option alike, spaces around names dropped."""
    names = (name.strip() for token in tokens for name in token.value.split(","))
    return tuple(name for name in names if name)


Names = Annotated[
    tuple[str, ...],
    Parameter(converter=split_commas, negative=(), consume_multiple=False, show_default=False),
]
"""An option that takes a comma-separated list of names."""


def checked(model: type[M], **values: object) -> M:
    """`model(**values)`, where a refused value is an error that names the option.

    Raises:
        DualhashError: A value is out of range or of the wrong kind.
    """
    from pydantic import ValidationError

    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + "-".join(str(part) for part in first["loc"]).replace("_", "-")
        said = first["msg"].removeprefix("Value error, ").rstrip(".")
        sentence = f"{option} {first['input']!r} cannot be used: {said[0].lower() + said[1:]}."
        raise DualhashError(sentence) from error


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
    min_positives: int | None = None

    def columns(self, remembered: Columns | None = None) -> Columns:
        """What was given on the command line, over what a model remembers or the defaults."""
        from dualhash.catalogue.columns import Columns

        given = {
            _field(name): value for name, value in asdict(self).items() if value not in (None, ())
        }
        return checked(Columns, **((remembered or Columns()).model_dump() | given))


def _field(option: str) -> str:
    """`facet_columns` is the field `facets` of `Columns`, `image_column` the field `image`."""
    return option.replace("_columns", "s").removesuffix("_column")
