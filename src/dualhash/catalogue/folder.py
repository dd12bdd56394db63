"""A folder of images to a catalogue, each folder inside it a category; or a single image."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from dualhash.catalogue import labels
from dualhash.catalogue.catalogue import MISSING, Catalogue, LabelNames
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.images import IMAGE_SUFFIXES
from dualhash.catalogue.problems import Problem, shortened
from dualhash.errors import DualhashError
from dualhash.files import not_readable


def read_folder(folder: Path) -> Catalogue:
    """Reads a tree of class folders, or a flat folder of images without labels.

    Images are known by their suffix (`IMAGE_SUFFIXES`). The category of an image is the folder
    right in the tree that it is in, however deep; images right in the tree have none. Names that
    begin with a dot are passed over; files whose name is not UTF-8, and
    folders that may not be looked into, are left out and listed. The
    labelled images are train-category, a tenth of them test (`labels.derived_subsets`).

    Raises:
        DualhashError: There is no image in the folder, or it may not be looked into.
    """
    closed: list[Path] = []
    files = _files(folder, closed)
    found = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    images = [image for image in found if _printable(image) == str(image)]
    if folder in closed or (closed and not images):
        raise DualhashError(not_readable(closed[0]))
    if not images:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise DualhashError(f"{folder} holds no images. Images are files that end in {kinds}.")
    references = tuple(image.relative_to(folder).as_posix() for image in images)
    split = [reference.partition("/") for reference in references]
    cells = pl.Series("category", [top if slash else None for top, slash, _ in split], pl.String)
    categories = tuple(cells.drop_nulls().unique().sort())
    has_category = cells.is_not_null().to_numpy()
    no_attributes = np.zeros((len(images), 0), np.int8)
    return Catalogue(
        source=str(folder),
        images=tuple(images),
        references=references,
        names=LabelNames(categories, ()),
        categories=labels.indices(cells, categories),
        attributes=no_attributes,
        observed=no_attributes.astype(bool),
        subsets=labels.derived_subsets(references, has_category, np.zeros(len(images), bool)),
        payload=pl.DataFrame({"image": references, "category": cells}),
        columns=Columns(category="category"),
        problems=(
            *(Problem(str(folder), what) for what in _remarks(files, bool(categories))),
            *(
                Problem(str(folder), f"{not_readable(inner)} It was passed over.", fatal=True)
                for inner in closed
            ),
            *(
                Problem(_printable(image), "its name is not UTF-8; rename it", fatal=True)
                for image in found
                if _printable(image) != str(image)
            ),
        ),
    )


def read_image(image: Path) -> Catalogue:
    """A catalogue of one image file, of which nothing is known.

    Raises:
        DualhashError: Its name is not UTF-8.
    """
    if _printable(image) != str(image):
        raise DualhashError(f"The name of {_printable(image)} is not UTF-8; rename it.")
    no_attributes, no_labels = np.zeros((1, 0), np.int8), np.zeros(1, bool)
    return Catalogue(
        source=str(image),
        images=(image,),
        references=(image.name,),
        names=LabelNames((), ()),
        categories=np.array([MISSING]),
        attributes=no_attributes,
        observed=no_attributes.astype(bool),
        subsets=labels.derived_subsets((image.name,), no_labels, no_labels),
        payload=pl.DataFrame({"image": [image.name]}),
        columns=Columns(),
    )


def _files(folder: Path, closed: list[Path]) -> list[Path]:
    """All files of the tree in a fixed order, without hidden ones.

    Folders that cannot be looked into are added to `closed`.
    """

    def note(error: OSError) -> None:
        closed.append(Path(error.filename))

    found = []
    for here, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(here, name) for name in sorted(names) if not name.startswith(".")]
    return found


def _printable(path: Path) -> str:
    """The path, with a mark in place of each byte that is not text."""
    return os.fsencode(path).decode(errors="replace")


def _remarks(files: list[Path], labelled: bool) -> Iterator[str]:
    if labelled:
        yield labels.DERIVED_SUBSETS
    kinds = Counter(file.suffix.lower() for file in files)
    others = sorted(kinds.keys() - IMAGE_SUFFIXES)
    if others:
        count = sum(kinds[suffix] for suffix in others)
        named = shortened([suffix or "no suffix" for suffix in others])
        yield f"passed over {count:,} of {len(files):,} files, which are not images ({named})"
