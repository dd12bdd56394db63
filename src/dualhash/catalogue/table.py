"""A CSV or Parquet table, one row an image, to a catalogue."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue import labels
from dualhash.catalogue.catalogue import SUBSETS, Catalogue, LabelNames
from dualhash.catalogue.check import existing
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.csv_errors import csv_fault
from dualhash.catalogue.problems import Problem, shortened
from dualhash.errors import DualhashError, nearest
from dualhash.files import is_there, not_readable

TABLE_SUFFIXES = (".csv", ".parquet")

UNKNOWN = "\ufffd"
"""What is read where a byte is no text."""


def read_table(path: Path, columns: Columns, like: LabelNames | None = None) -> Catalogue:
    """Reads a label table; every cell is read as text, so names keep their spelling.

    Categories are sorted; attributes are the binary columns in the given order, then the facets in
    the given order, each with its values sorted. A facet value becomes an attribute if at least
    `columns.min_positives` rows have it, of any subset. Without a subset column the subsets are
    those of `labels.derived_subsets`, a tenth of the labelled images being test.

    Rows that cannot be used (empty, no image, image not there, image repeated) are left out and
    listed in `problems`; a cell with an unknown value counts as missing and is listed too.

    Args:
        path: The table; images are looked for relative to its folder.
        columns: Which column plays which part.
        like: Use these names and their order, as `Catalogue.aligned` does. Label columns that the
            table does not have are then missing instead of an error.

    Raises:
        DualhashError: The table cannot be read, lacks a column, or has no usable row.
    """
    frame = _read_frame(path)
    columns, remarks = _resolved(path, frame.columns, columns, like)
    references = _cells(path, frame, columns.image).to_list()
    files = _files(path, references)
    kept, problems = _usable(path, frame, references, files)
    images = tuple(Path(files[i]) for i in kept)
    table = _Table(path, frame[kept], columns, images, kept + 1, remarks + problems)
    catalogue = table.catalogue(like)
    return catalogue if like is None else catalogue.aligned(like)


def _read_frame(path: Path) -> pl.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path, glob=False)
        frame = pl.read_csv(path, infer_schema=False, glob=False)
    except PermissionError as error:
        raise DualhashError(not_readable(path)) from error
    except OSError as error:
        raise DualhashError(f"{path} cannot be read: {error.strerror or error}.") from error
    except pl.exceptions.PolarsError as error:
        said = None if path.suffix.lower() == ".parquet" else csv_fault(path)
        said = said or f"cannot be read: {str(error).splitlines()[0]}."
        raise DualhashError(f"{path} {said}") from error
    if (len(frame.columns) == 1 or UNKNOWN in "".join(frame.columns)) and (said := csv_fault(path)):
        raise DualhashError(f"{path} {said}")
    return frame


def _resolved(
    path: Path, known: list[str], columns: Columns, like: LabelNames | None
) -> tuple[Columns, list[Problem]]:
    """Fills in the default category and subset columns; says which columns are not there."""
    default: dict[str, str] = {
        part: part
        for part in ("category", "subset")
        if getattr(columns, part) is None and part in known
    }
    asked = {
        "--image-column": (columns.image,),
        "--category-column": (columns.category,),
        "--attribute-columns": columns.attributes,
        "--facet-columns": columns.facets,
        "--subset-column": (columns.subset,),
    }
    absent = []
    for option, names in asked.items():
        for name in names:
            if name is None or name in known:
                continue
            if like is None or name == columns.image:
                raise DualhashError(
                    f"{path} has no column {name!r} ({option}). {nearest(name, known)}"
                )
            absent.append(repr(name))
    what = f"these columns are not there, so their labels are missing: {shortened(absent)}"
    problems = [Problem(path.name, what)] if absent else []
    resolved = columns.model_copy(update=default)
    used = (resolved.image, resolved.category, resolved.subset)
    unused = [name for name in known if name not in used]
    if like is None and unused and not (columns.attributes or columns.facets):
        what = (
            "no column holds attributes; name those that do with --attribute-columns or "
            f"--facet-columns, of: {shortened(unused)}"
        )
        problems.append(Problem(path.name, what))
    return resolved, problems


def _cells(path: Path, frame: pl.DataFrame, column: str | None) -> pl.Series:
    """The column as text; all missing if there is no such column."""
    if column is None or column not in frame.columns:
        return pl.Series(column or "", [None] * len(frame), pl.String)
    try:
        return labels.text(frame[column])
    except pl.exceptions.PolarsError as error:
        kind = frame[column].dtype
        raise DualhashError(f"{path}: column {column!r} holds {kind}, not text.") from error


def _files(path: Path, references: Sequence[str | None]) -> list[str]:
    """N normal paths; as text, which for many images is several times quicker than `Path`."""
    folder = str(path.parent)
    return [os.path.normpath(os.path.join(folder, name or "")) for name in references]  # noqa: PTH118


def _usable(
    path: Path, frame: pl.DataFrame, references: Sequence[str | None], files: Sequence[str]
) -> tuple[NDArray[np.int64], list[Problem]]:
    """The indices of the rows whose image is there and new; the others are problems."""
    there = existing(files)
    first: dict[str, int] = {}
    kept = []
    problems = []
    for i, (reference, file) in enumerate(zip(references, files, strict=True)):
        row = i + 1
        if reference is None:
            empty = all(cell in (None, "") for cell in frame.row(i))
            what = "the row is empty" if empty else "the row names no image"
        elif not there[i]:
            what = f"the image {_absent(reference, file)}"
        elif first.setdefault(file, row) != row:
            what = f"the image {reference} is a duplicate of row {first[file]}"
        else:
            kept.append(i)
            continue
        problems.append(Problem(f"{path.name} row {row}", what, fatal=True))
    if not files:
        raise DualhashError(f"{path} has no rows.")
    if not kept:
        raise DualhashError(
            f"{path} has no row that can be used; row 1: {problems[0].what}. "
            "Image paths are looked for relative to the folder of the table."
        )
    return np.array(kept, np.int64), problems


def _absent(reference: str, file: str) -> str:
    """What to say of an image that is not there, or of which that cannot be told."""
    try:
        is_there(Path(file))
    except DualhashError:
        return not_readable(reference).removesuffix(".")
    return f"{reference} does not exist"


@dataclass(frozen=True)
class _Table:
    """The usable rows of a table; `problems` grows while the labels are read.

    Attributes:
        images: N paths.
        rows: (N,) int64, the row numbers, of which the first is 1.
    """

    path: Path
    frame: pl.DataFrame
    columns: Columns
    images: tuple[Path, ...]
    rows: NDArray[np.int64]
    problems: list[Problem]

    def cells(self, column: str | None) -> pl.Series:
        return _cells(self.path, self.frame, column)

    def remark(self, what: str, i: int | None = None) -> None:
        where = self.path.name if i is None else f"{self.path.name} row {self.rows[i]}"
        self.problems.append(Problem(where, what))

    def catalogue(self, like: LabelNames | None) -> Catalogue:
        cells = self.cells(self.columns.category)
        categories = tuple(cells.unique().drop_nulls().sort())
        read = list(self.attributes(like))
        attributes = tuple(name for name, _, _ in read)
        for name in attributes:
            if attributes.count(name) > 1:
                raise DualhashError(f"{self.path}: the attribute {name!r} is there twice.")
        references = tuple(self.cells(self.columns.image))
        no_labels = np.zeros((len(references), 0), np.int8)
        observed = np.column_stack([no_labels.astype(bool), *(seen for _, _, seen in read)])
        return Catalogue(
            source=str(self.path),
            images=self.images,
            references=references,
            names=LabelNames(categories, attributes),
            categories=labels.indices(cells, categories),
            attributes=np.column_stack([no_labels, *(present for _, present, _ in read)]),
            observed=observed,
            subsets=self.subsets(
                references, cells.is_not_null().to_numpy(), observed.sum(axis=1) > 0
            ),
            payload=self.frame,
            columns=self.columns,
            problems=tuple(self.problems),
            row_numbers=self.rows,
        )

    def attributes(
        self, like: LabelNames | None
    ) -> Iterator[tuple[str, NDArray[np.int8], NDArray[np.bool_]]]:
        """Name, (N,) labels and (N,) mask of each attribute."""
        for name in self.columns.attributes:
            cells = self.cells(name)
            present, observed, unknown = labels.binary(cells)
            for i in np.flatnonzero(unknown).tolist():
                what = f"{cells[i]!r} in column {name!r} is not 1, 0 or empty; taken as missing"
                self.remark(what, i)
            yield name, present, observed
        for name in self.columns.facets:
            cells = self.cells(name)
            for value in self.frequent(cells) if like is None else _values(name, like):
                yield f"{name}={value}", *labels.facet(cells, value)

    def frequent(self, cells: pl.Series) -> list[str]:
        """The sorted values of a facet that become attributes; the others are remarked on."""
        counts, least = Counter(cells.drop_nulls()), self.columns.min_positives
        rare = sorted((n, value) for value, n in counts.items() if n < least)
        if rare:
            self.remark(
                f"facet {cells.name!r}: values of fewer than {least} images "
                f"(--min-positives), which become no attributes ({len(rare):,}): "
                + shortened([f"{value} ({n})" for n, value in reversed(rare)])
            )
        return sorted(set(counts) - {value for _, value in rare})

    def subsets(
        self,
        references: tuple[str, ...],
        has_category: NDArray[np.bool_],
        has_attribute: NDArray[np.bool_],
    ) -> NDArray[np.int8]:
        if self.columns.subset not in self.frame.columns:
            if has_category.any() or has_attribute.any():
                self.remark(labels.DERIVED_SUBSETS)
            return labels.derived_subsets(references, has_category, has_attribute)
        cells = self.cells(self.columns.subset)
        subsets = labels.subsets(cells)
        for i in np.flatnonzero(cells.is_not_null().to_numpy() & (subsets < 0)).tolist():
            said = f"{cells[i]!r} is not a subset and is taken as in none"
            self.remark(f"{said}; known are {', '.join(SUBSETS)}", i)
        return subsets


def _values(facet: str, like: LabelNames) -> Iterator[str]:
    """The values of a facet that are attributes of `like`."""
    for name in like.attributes:
        if name.startswith(f"{facet}="):
            yield name.removeprefix(f"{facet}=")
