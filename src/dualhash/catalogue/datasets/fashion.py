"""Fashion: 33,756 product photos of a real shop, 60x80 pixels.

Expected under ROOT: `products.csv` with the columns image, articleType (the category), baseColour,
gender, season, usage (facets) and subset, and the images that it names. Facet values with at least
250 images become attributes.
"""

from pathlib import Path

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.readers.table import read_table

COLUMNS = Columns(
    category="articleType",
    facets=("baseColour", "gender", "season", "usage"),
    subset="subset",
    min_positives=250,
)


def read(root: Path) -> Catalogue:
    """The shop's catalogue from `root/products.csv`; see `read_table`."""
    return read_table(root / "products.csv", COLUMNS)
