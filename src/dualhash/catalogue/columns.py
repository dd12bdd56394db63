"""Which columns of a table hold images, labels and subsets."""

from pydantic import BaseModel, ConfigDict, Field

MISSING_VALUES = (
    *("n/a", "na", "n.a.", "#n/a", "<na>", "nan", "null", "none", "-", "--", "?"),
    *("unknown", "missing", "not available"),
)
"""Cells that are read as missing, besides empty ones; upper and lower case are the same."""

LEAST_POSITIVES, MOST_POSITIVES = 5, 250
"""Bounds of the default of `Columns.min_positives`."""


class Columns(BaseModel):
    """How a table is read. It is saved with every model, so that other tables are read alike.

    Attributes:
        image: The column of image paths, relative to the table's folder.
        category: The category column; None reads the column "category" if it exists.
        attributes: Columns of binary attributes: 1, 0 or empty.
        facets: Columns that hold one of several values; each frequent value becomes the binary
            attribute `column=value`. An empty cell is missing for all values of the facet.
        subset: The subset column; None reads the column "subset" if it exists.
        group: A column that says which images belong together, such as photos of one product; see
            `Catalogue.groups`.
        min_positives: How many images a facet value needs to become an attribute; None takes
            `default_min_positives`. The columns of a catalogue that was read have the number.
        missing_values: Cells of label and subset columns that are read as missing, in any case.
            Empty cells are always missing.
        features: The column of feature vectors in a Parquet table; None reads none. With features,
            the images need not exist, and a row without an image is named by its number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str = "image"
    category: str | None = None
    attributes: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    subset: str | None = None
    group: str | None = None
    min_positives: int | None = Field(default=None, ge=1)
    missing_values: tuple[str, ...] = MISSING_VALUES
    features: str | None = None


def default_min_positives(images: int) -> int:
    """One image in a hundred, but at least 5 and at most 250."""
    return min(max(images // 100, LEAST_POSITIVES), MOST_POSITIVES)
