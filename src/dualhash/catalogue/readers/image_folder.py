"""A folder of images, in which each sub-folder is a category; or a single image file."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from dualhash.catalogue import parse_labels
from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.images import IMAGE_SUFFIXES, INSTALL, UNREADABLE_SUFFIXES
from dualhash.catalogue.problems import MANY, CatalogueProblem, counted_by_type, shortened
from dualhash.errors import DualhashError
from dualhash.files import not_readable


def read_folder(folder: Path) -> Catalogue:
    """Reads a tree of category folders, or a flat folder of images without labels.

    Files whose name ends in one of `IMAGE_SUFFIXES` are images. The category of an image is the
    top folder of the tree that it is in; images in `folder` itself have none. Names that begin
    with a dot are ignored. Files whose name is not UTF-8 and folders without permission are left
    out and listed. Labelled images are train-category, one in ten is test
    (`parse_labels.derived_subsets`).

    Raises:
        DualhashError: The folder has no image, or permissions keep it from being read.
    """
    closed: list[Path] = []
    files = _files(folder, closed)
    pictures = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    images = [image for image in pictures if _is_utf8(image)]
    if folder in closed or (closed and not images):
        raise DualhashError(not_readable(closed[0]))
    unreadable = [file for file in files if file.suffix.lower() in UNREADABLE_SUFFIXES]
    remarks = _remarks(files, unreadable)
    if not images:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        no_images = f"{folder} has no images, which are files that end in {kinds}"
        raise DualhashError("; ".join([no_images, *remarks]))
    if len(unreadable) <= MANY:
        remarks = _remarks(files, [])
    unnamed = [image for image in pictures if not _is_utf8(image)]
    problems = [
        *((str(folder), remark, False) for remark in remarks),
        *(
            (
                _printable(file.relative_to(folder)),
                f"{file.suffix.lower()} images cannot be read; {_advice([file])}",
                True,
            )
            for file in unreadable
        ),
        *((str(folder), f"{not_readable(inner)} It was skipped.", True) for inner in closed),
        *((_printable(image), "its name is not UTF-8; rename it", True) for image in unnamed),
    ]
    return _catalogue(folder, images, folder, [CatalogueProblem(*problem) for problem in problems])


def read_image(image: Path) -> Catalogue:
    """A catalogue of one image file without labels.

    Raises:
        DualhashError: Its name is not UTF-8.
    """
    if not _is_utf8(image):
        raise DualhashError(f"The name of {_printable(image)} is not UTF-8; rename it.")
    return _catalogue(image, [image], image.parent, [])


def _catalogue(
    source: Path, images: Sequence[Path], root: Path, problems: list[CatalogueProblem]
) -> Catalogue:
    """The category of each image is its top folder below `root`."""
    references = [image.relative_to(root).as_posix() for image in images]
    top_folders = [path.partition("/")[0] if "/" in path else None for path in references]
    cells = pl.Series("category", top_folders, pl.String)
    categories = tuple(cells.drop_nulls().unique().sort())
    if categories:
        problems.insert(0, CatalogueProblem(str(source), parse_labels.DERIVED_SUBSETS))
    attributes = np.zeros((len(images), 0), np.int8)
    has_category = cells.is_not_null().to_numpy()
    return Catalogue(
        source=str(source),
        images=tuple(images),
        references=tuple(references),
        names=LabelNames(categories, ()),
        categories=parse_labels.indices(cells, categories),
        attributes=attributes,
        observed=attributes.astype(bool),
        subsets=parse_labels.derived_subsets(references, has_category, np.zeros_like(has_category)),
        payload=pl.DataFrame({"image": references, "category": cells}),
        columns=Columns(category="category"),
        problems=tuple(problems),
    )


def _files(folder: Path, closed: list[Path]) -> list[Path]:
    """All files of the tree in a fixed order, except hidden ones.

    Folders that cannot be read are added to `closed`.
    """
    files = []
    for parent, folders, names in os.walk(
        folder, onerror=lambda error: closed.append(Path(error.filename))
    ):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    return files


def _is_utf8(path: Path) -> bool:
    return _printable(path) == str(path)


def _printable(path: Path) -> str:
    """The path with a replacement mark for each byte that is not UTF-8."""
    return os.fsencode(path).decode(errors="replace")


def _remarks(files: Sequence[Path], unreadable: Sequence[Path]) -> list[str]:
    """Messages about files that are not images, and about `unreadable` images."""
    others = [f for f in files if f.suffix.lower() not in IMAGE_SUFFIXES | UNREADABLE_SUFFIXES]
    remarks = []
    if unreadable:
        kinds = counted_by_type(unreadable)
        remarks.append(f"images of formats that cannot be read: {kinds}; {_advice(unreadable)}")
    if others:
        names = shortened(
            [end or "no suffix" for end in sorted({f.suffix.lower() for f in others})]
        )
        count = f"{len(others):,} of {len(files):,} files"
        remarks.append(f"skipped {count}, which are not images ({names})")
    return remarks


def _advice(files: Sequence[Path]) -> str:
    """What to do about images of formats that cannot be read."""
    needed = dict.fromkeys(INSTALL.get(file.suffix.lower()) for file in files)
    installs = " and ".join(package for package in needed if package)
    return f"install {installs}, or convert them to JPEG" if installs else "convert them to JPEG"
