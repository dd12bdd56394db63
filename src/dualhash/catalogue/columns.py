"""Which column of a table plays which part."""

from pydantic import BaseModel, ConfigDict, Field


class Columns(BaseModel):
    """How a label table is read; saved with every model, so that other tables are read alike.

    Attributes:
        image: The column of image paths, relative to the table's folder.
        category: The category column; None reads the column "category" if there is one.
        attributes: Columns of binary attributes: 1, 0 or empty.
        facets: Columns that hold one of several values; each frequent value becomes the binary
            attribute `column=value`. An empty cell is missing for all values of the facet.
        subset: The subset column; None reads the column "subset" if there is one.
        min_positives: How many images a facet value needs to become an attribute.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str = "image"
    category: str | None = None
    attributes: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    subset: str | None = None
    min_positives: int = Field(default=50, ge=1)
