"""Reads the catalogue that a user names: a data set, a table, a folder, or an image."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.catalogue.check_labels import check_labels, unknown_labels
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.datasets import DATASETS
from dualhash.catalogue.images import IMAGE_SUFFIXES
from dualhash.catalogue.readers.image_folder import read_folder, read_image
from dualhash.catalogue.readers.table import TABLE_SUFFIXES, read_frame, read_table
from dualhash.catalogue.vectors import open_vectors
from dualhash.errors import DualhashError, near, nearest
from dualhash.files import is_there

KINDS = (
    f"A catalogue is a .csv or .parquet table, a folder of images, an image, or a data set "
    f"({', '.join(DATASETS)})."
)


def read_catalogue(
    source: str | Path,
    columns: Columns = Columns(),
    *,
    like: LabelNames | None = None,
    features: str | Path | NDArray[Any] | None = None,
) -> Catalogue:
    """Reads labels and finds the image files, without decoding them.

    Args:
        source: A data set (`openmoji`, or with the folder of its files, such as `cfw60k:ROOT`), a
            table (.csv, .parquet), a folder of category folders or of images, or a single image.
            A path that looks like the name of a data set is written `./openmoji`.
        columns: How a table is read; data sets and folders ignore it.
        like: Give labels the indices of a trained model; see `Catalogue.aligned`. Labels that the
            model was not trained on are among the `problems`.
        features: Feature vectors of a table, in place of `columns.features`: a `.npy` file or an
            array, (rows, d) float16 or float32. Row i belongs to row i of the table.

    Returns:
        The images that exist. Its `problems` list what was left out or looks wrong.

    Raises:
        DualhashError: The source does not exist, or nothing in it can be used.
    """
    return _checked(_read(source, columns, like, features), like)


def read_polars(
    frame: pl.DataFrame,
    columns: Columns,
    folder: str | Path,
    *,
    like: LabelNames | None = None,
    features: NDArray[Any] | None = None,
    name: str = "frame",
) -> Catalogue:
    """Reads a table in memory like one in a file; `name` is what messages call it."""
    vectors = None if features is None else open_vectors(features, len(frame), name)
    catalogue = read_frame(frame, Path(name), Path(folder), columns, like, vectors=vectors)
    return _checked(catalogue, like)


def _checked(catalogue: Catalogue, like: LabelNames | None) -> Catalogue:
    if like is not None:
        catalogue = catalogue.aligned(like)
    unknown = () if like is None else unknown_labels(catalogue, like)
    return replace(catalogue, problems=catalogue.problems + unknown + check_labels(catalogue))


def _read(
    source: str | Path,
    columns: Columns,
    like: LabelNames | None,
    features: str | Path | NDArray[Any] | None,
) -> Catalogue:
    name, colon, root = str(source).partition(":")
    path = Path(source)
    if features is not None and path.suffix.lower() not in TABLE_SUFFIXES:
        raise DualhashError(
            f"{source} is not a table, so its features cannot be a separate array: row i of the "
            "array belongs to row i of a table (.csv, .parquet)."
        )
    if name in DATASETS and isinstance(source, str):
        return DATASETS[name].load(Path(root) if root else None)
    if is_there(path):
        if path.is_dir():
            return read_folder(path)
        suffix = path.suffix.lower() if path.is_file() else None
        if suffix in IMAGE_SUFFIXES:
            return read_image(path)
        if suffix in TABLE_SUFFIXES:
            return read_table(path, columns, like, features)
        raise DualhashError(f"{source} is not a catalogue. {KINDS}")
    if colon and len(name) > 1:  # not the letter of a drive
        raise DualhashError(
            f"There is no data set {name!r} and no file {source}. {nearest(name, DATASETS)}"
        )
    raise DualhashError(f"{source} does not exist. {_similar(path)}")


def _similar(path: Path) -> str:
    """Catalogues with a similar name, in the same folder or among the data sets."""
    if not path.parent.is_dir():
        return f"Its folder {path.parent} does not exist either."
    beside = [p for p in path.parent.iterdir() if p.suffix.lower() in TABLE_SUFFIXES or p.is_dir()]
    names = [*sorted(p.name for p in beside if not p.name.startswith(".")), *DATASETS]
    similar = [name for name in names if near(path.stem, [Path(name).stem])]
    return near(path.name, similar).rstrip() or KINDS
