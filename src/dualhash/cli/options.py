"""Options that several commands share."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token, validators

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.check_labels import unknown_labels
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.read_catalogue import read_catalogue
from dualhash.cli import output
from dualhash.codes import Model
from dualhash.errors import DualhashError, nearest
from dualhash.search.remote.base import remote_opener


def split_commas(_: object, tokens: Sequence[Token]) -> tuple[str, ...]:
    """The names of `a, b`, or of an option that is repeated, without spaces around them."""
    names = (name.strip() for token in tokens for name in token.value.split(","))
    return tuple(name for name in names if name)


_COMMA_SEPARATED = Parameter(
    converter=split_commas,
    negative=(),
    consume_multiple=False,
    show_default=False,
    metavar="A,B",
)
Names = Annotated[tuple[str, ...], _COMMA_SEPARATED]
"""An option that takes a comma-separated list of names."""


def index_file(_: object, tokens: Sequence[Token]) -> Path:
    """The path of an index file.

    Raises:
        DualhashError: It is the URI of a remote index, which can only be searched.
    """
    (token,) = tokens
    if remote_opener(token.value) is None:
        return Path(token.value)
    source = "that was pushed there" if not token.value.startswith("http") else "that it serves"
    raise DualhashError(
        f"{token.value} can only be searched. Run this command with the index file {source}, on "
        "the machine that has the file."
    )


Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
"""An option without a value, off by default."""

CatalogueSource = Annotated[str, Parameter(name="CATALOGUE")]
"""What `read_catalogue` reads: a table, a folder, an image or the name of a data set."""

IndexFile = Annotated[Path, Parameter(converter=index_file)]
"""An index file; the URI of a remote index is refused."""


def whole_number(_: object, tokens: Sequence[Token]) -> int:
    """Converts a whole number; cyclopts would round 2.5."""
    (token,) = tokens
    try:
        return int(token.value)
    except ValueError as error:
        raise ValueError(f"{token.value!r} is not a whole number") from error


WHOLE = Parameter(converter=whole_number)
Whole = Annotated[int, WHOLE]
"""An option that takes a whole number."""


def whole_numbers(given: object, tokens: Sequence[Token]) -> tuple[int, ...]:
    """Converts the whole numbers of `a,b`; one that is repeated counts once."""
    parts = (Token(value=part) for part in split_commas(given, tokens))
    return tuple(dict.fromkeys(whole_number(given, [part]) for part in parts))


Wholes = Annotated[
    tuple[int, ...],
    Parameter(
        converter=whole_numbers,
        negative=(),
        consume_multiple=False,
        show_default=False,
        metavar="A,B",
    ),
]
"""An option that takes a comma-separated list of whole numbers."""

Count = Annotated[Whole, Parameter(validator=validators.Number(gte=1))]
"""An option that takes a whole number of at least 1."""


@Parameter(name="*", group="Columns of a table")
@dataclass(frozen=True)
class ColumnOptions:
    """How a table is read. Options that are not given keep what the model remembers.

    Attributes:
        image_column: Column of image paths, relative to the table's folder (default "image").
        category_column: Column of categories (default "category" if it exists).
        attribute_columns: Columns of binary attributes (1, 0 or empty), as a,b,c.
        facet_columns: Columns that hold one of several values, such as a colour, as a,b,c. Each
            frequent value becomes an attribute, such as colour=red.
        subset_column: Column that says train-both, train-attribute, train-category or test
            (default "subset" if it exists).
        group_column: Column that says which images belong together, such as photos of one product.
            Such a group is never divided between training and validation.
        min_positives: How many images a facet value needs to become an attribute (default: 1 % of
            the images, at least 5, at most 250).
        missing_values: Cells that are read as missing, as a,b,c (default: the usual spellings, such
            as n/a, nan, null, none, unknown and -, in upper or lower case). Empty cells are always
            missing; '' adds no other.
        features_column: Column of feature vectors in a Parquet table (lists of float16 or float32),
            which take the place of the images; these need not exist then.
    """

    image_column: str | None = None
    category_column: str | None = None
    attribute_columns: Names = ()
    facet_columns: Names = ()
    subset_column: str | None = None
    group_column: str | None = None
    min_positives: Count | None = None
    missing_values: Annotated[tuple[str, ...] | None, _COMMA_SEPARATED] = None
    features_column: str | None = None

    def columns(self, remembered: Columns | None = None) -> Columns:
        """What was given on the command line; otherwise what the model remembers, or defaults."""
        return (remembered or Columns()).model_copy(update=self._given())

    def read(
        self, source: str, model: Model | None = None, features: Path | None = None
    ) -> Catalogue:
        """The catalogue, with the label names and columns of `model` if there is one.

        Args:
            source: As for `read_catalogue`.
            model: The model that will encode the catalogue.
            features: A NumPy file of vectors, row i for row i of the table.

        Labels that the model was not trained on are listed on stderr.

        Raises:
            DualhashError: It cannot be read, has no column of a name that was given, or is not a
                table although column options were given; or the model needs vectors that are not
                given.
        """
        if features is not None and self.features_column is not None:
            raise DualhashError("Give --features or --features-column, not both.")
        if model is None:
            catalogue = read_catalogue(source, self.columns(), features=features)
        else:
            columns = self.columns(model.card.columns)
            if model.card.vector_length and not (columns.features or features):
                raise DualhashError(
                    f"The model {model.folder} takes vectors of {model.card.vector_length} values: "
                    "name their column with --features-column, or their NumPy file with --features."
                )
            names = model.card.names
            catalogue = read_catalogue(source, columns, like=names, features=features)
        if catalogue.columns != catalogue.columns.model_copy(update=self._given()):
            raise DualhashError(f"{source} is not a table; leave out the options for columns.")
        known = catalogue.payload.columns
        columns_given = (self.category_column, self.subset_column, self.group_column)
        for name in (*columns_given, *self.attribute_columns, *self.facet_columns):
            if name is not None and name not in known:
                raise DualhashError(f"{source} has no column {name!r}. {nearest(name, known)}")
        if model is not None:
            unknown = unknown_labels(catalogue, model.card.names)
            output.list_remarks([str(problem) for problem in unknown])
        return catalogue

    def _given(self) -> dict[str, Any]:
        """Fields of `Columns` for which an option was given."""
        # facet_columns is the field facets, image_column the field image.
        return {
            name.replace("_columns", "s").removesuffix("_column"): value
            for name, value in asdict(self).items()
            if value is not None and (value != () or name == "missing_values")
        }
