"""Reads the catalogue that a user names: a data set, a table, a folder, or an image."""

from dataclasses import replace
from pathlib import Path

from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.catalogue.check_labels import check_labels, unknown_labels
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.datasets import DATASETS
from dualhash.catalogue.readers import READERS
from dualhash.catalogue.readers.table import TABLE_SUFFIXES
from dualhash.errors import DualhashError, near, nearest
from dualhash.files import is_there

DEFAULT_COLUMNS = Columns()

KINDS = (
    f"A catalogue is a .csv or .parquet table, a folder of images, an image, or a data set "
    f"({', '.join(DATASETS)})."
)


def read_catalogue(
    source: str | Path, columns: Columns = DEFAULT_COLUMNS, *, like: LabelNames | None = None
) -> Catalogue:
    """Reads labels and finds the image files, without decoding them.

    Args:
        source: A data set (`openmoji`, or with the folder of its files, such as `cfw60k:ROOT`), a
            table (.csv, .parquet), a folder of category folders or of images, or a single image.
            A path that looks like the name of a data set is written `./openmoji`.
        columns: How a table is read; data sets and folders ignore it.
        like: Give labels the indices of a trained model; see `Catalogue.aligned`. Labels that the
            model was not trained on are among the `problems`.

    Returns:
        The images that exist. Its `problems` list what was left out or looks wrong.

    Raises:
        DualhashError: The source does not exist, or nothing in it can be used.
    """
    catalogue = _read(source, columns, like)
    if like is not None:
        catalogue = catalogue.aligned(like)
    unknown = () if like is None else unknown_labels(catalogue, like)
    return replace(catalogue, problems=catalogue.problems + unknown + check_labels(catalogue))


def _read(source: str | Path, columns: Columns, like: LabelNames | None) -> Catalogue:
    name, colon, root = str(source).partition(":")
    path = Path(source)
    if name in DATASETS and isinstance(source, str):
        return DATASETS[name].load(Path(root) if root else None)
    if is_there(path):
        for reader in READERS:
            if reader.accepts(path):
                return reader.read(path, columns, like)
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
