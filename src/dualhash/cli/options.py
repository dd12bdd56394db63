"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

if TYPE_CHECKING:
    from cyclopts import Token

    from dualhash.catalogue.columns import Columns


def split_commas(_: object, tokens: Sequence[Token]) -> tuple[str, ...]:
    """`a,b` and a repeated option alike, spaces around names dropped."""
    names = (name.strip() for token in tokens for name in token.value.split(","))
    return tuple(name for name in names if name)


Names = Annotated[
    tuple[str, ...],
    Parameter(converter=split_commas, negative=(), consume_multiple=False, show_default=False),
]
"""An option that takes a comma-separated list of names."""


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

        given = {
            _field(name): value for name, value in asdict(self).items() if value not in (None, ())
        }
        return (remembered or Columns()).model_copy(update=given)


def _field(option: str) -> str:
    """`facet_columns` is the field `facets` of `Columns`, `image_column` the field `image`."""
    return option.replace("_columns", "s").removesuffix("_column")
