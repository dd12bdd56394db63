"""From what a user names to a catalogue: a data set, a table, or a folder."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.catalogue.check import check_labels
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.datasets import DATASETS
from dualhash.catalogue.folder import read_folder, read_image
from dualhash.catalogue.images import IMAGE_SUFFIXES
from dualhash.catalogue.labels import text
from dualhash.catalogue.table import TABLE_SUFFIXES, read_table
from dualhash.errors import DualhashError, near, nearest
from dualhash.files import is_there

DEFAULT_COLUMNS = Columns()

COMMON = 3
"""Values of a facet that are named where none becomes an attribute."""


def read_catalogue(
    source: str | Path, columns: Columns = DEFAULT_COLUMNS, *, like: LabelNames | None = None
) -> Catalogue:
    """Reads labels and finds the image files, without decoding them.

    Args:
        source: A data set (`openmoji`, or with the folder of its files, such as `cfw60k:ROOT`), a
            table (.csv, .parquet), a folder of class folders or of images, or a single image. A
            path that looks like the name of a data set is written `./openmoji`.
        columns: How a table is read; data sets and folders are read their own way.
        like: Give labels the indices of a trained model; see `Catalogue.aligned`.

    Returns:
        The images that are there. What was left out or looks wrong is in its `problems`.

    Raises:
        DualhashError: There is no such source, or nothing in it can be used.
    """
    catalogue = _read(source, columns, like)
    return replace(catalogue, problems=catalogue.problems + check_labels(catalogue))


def _read(source: str | Path, columns: Columns, like: LabelNames | None) -> Catalogue:
    name, _, root = str(source).partition(":")
    path = Path(source)
    if name in DATASETS and isinstance(source, str):
        catalogue = DATASETS[name].load(Path(root) if root else None)
    elif not is_there(path):
        raise _missing(path, str(source))
    elif path.is_dir():
        catalogue = read_folder(path)
    elif path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
        catalogue = read_image(path)
    elif path.suffix.lower() in TABLE_SUFFIXES:
        catalogue = read_table(path, columns, like)
        if like is None:
            _check_facets(catalogue)
        return catalogue
    else:
        raise DualhashError(
            f"{source} is not a catalogue: that is a .csv or .parquet table, a folder of images, "
            f"an image, or a data set ({', '.join(DATASETS)})."
        )
    return catalogue if like is None else catalogue.aligned(like)


def _check_facets(catalogue: Catalogue) -> None:
    """Refuses a facet that was asked for and makes no attribute."""
    least = catalogue.columns.min_positives
    for facet in catalogue.columns.facets:
        if any(name.startswith(f"{facet}=") for name in catalogue.names.attributes):
            continue
        counts = Counter(text(catalogue.payload[facet]).drop_nulls())
        common = ", ".join(f"{value!r} ({n:,})" for value, n in counts.most_common(COMMON))
        why = (
            f"no value of it is that of {least:,} images; most common: {common}. Lower "
            "--min-positives, or"
            if counts
            else "its column is empty;"
        )
        raise DualhashError(
            f"{catalogue.source}: the facet {facet!r} makes no attribute: {why} leave it out."
        )


def _missing(path: Path, source: str) -> DualhashError:
    """What to say of a source that is not there."""
    name, colon, _ = source.partition(":")
    if colon and len(name) > 1:  # not the letter of a drive
        return DualhashError(
            f"There is no data set {name!r} and no file {source}. {nearest(name, DATASETS)}"
        )
    return DualhashError(f"{source} does not exist. {_neighbours(path)}")


def _neighbours(path: Path) -> str:
    """The catalogues that `path` might have meant: those in its folder, and the data sets."""
    if not path.parent.is_dir():
        return f"Nor does its folder {path.parent}."
    beside = [p for p in path.parent.iterdir() if p.suffix.lower() in TABLE_SUFFIXES or p.is_dir()]
    names = [p.name for p in beside if not p.name.startswith(".")]
    like = [name for name in [*sorted(names), *DATASETS] if near(path.stem, [Path(name).stem])]
    return near(path.name, like).rstrip() or (
        "A catalogue is a .csv or .parquet table, a folder of images, or a data set "
        f"({', '.join(DATASETS)})."
    )
