"""The file formats of catalogues, one reader a file.

In: a path. Out: a `Catalogue`. A new format is a module with one `Reader`, and an entry here.
May import the modules of `catalogue` beside `datasets` and `read_catalogue`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.images import IMAGE_SUFFIXES
from dualhash.catalogue.readers.image_folder import read_folder, read_image
from dualhash.catalogue.readers.table import TABLE_SUFFIXES, read_table


@dataclass(frozen=True)
class Reader:
    """One format.

    Attributes:
        accepts: Whether it reads this path, which exists.
        read: Reads the path with these columns. With the names of a model it may accept that
            label columns are missing; `read_catalogue` then gives labels the model's indices.
    """

    accepts: Callable[[Path], bool]
    read: Callable[[Path, Columns, LabelNames | None], Catalogue]


def _file(suffixes: tuple[str, ...] | frozenset[str]) -> Callable[[Path], bool]:
    return lambda path: path.is_file() and path.suffix.lower() in suffixes


READERS = (
    Reader(Path.is_dir, lambda path, columns, like: read_folder(path)),
    Reader(_file(IMAGE_SUFFIXES), lambda path, columns, like: read_image(path)),
    Reader(_file(TABLE_SUFFIXES), read_table),
)
"""Every format; the first reader that accepts a path reads it."""
