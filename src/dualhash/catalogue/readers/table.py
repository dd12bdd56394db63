"""A CSV or Parquet table with one row per image."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from dualhash.catalogue import parse_labels
from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.catalogue.columns import Columns, default_min_positives
from dualhash.catalogue.problems import CatalogueProblem, shortened
from dualhash.catalogue.readers.csv_errors import duplicate_columns, explain_csv_error
from dualhash.catalogue.readers.label_columns import LabelColumns, text_column
from dualhash.catalogue.vectors import Vectors, column_vectors, open_vectors
from dualhash.errors import DualhashError, nearest
from dualhash.files import existing_files, is_there, not_readable

TABLE_SUFFIXES = (".csv", ".parquet")

NOT_UTF8 = "\ufffd"
"""What polars reads in place of a byte that is not UTF-8."""


def read_table(
    path: Path,
    columns: Columns,
    like: LabelNames | None = None,
    features: str | Path | NDArray[Any] | None = None,
) -> Catalogue:
    """Reads a label table from a file; see `read_frame`. Image paths are relative to its folder.

    Vectors come from `features`, else from the column `columns.features`.
    """
    frame, vectors = _read_file(path, columns.features), None
    if features is not None:
        vectors = open_vectors(features, len(frame), str(path))
    elif columns.features is not None:
        vectors = column_vectors(path, columns.features)
    return read_frame(frame, path, path.parent, columns, like, vectors=vectors)


def read_frame(
    frame: pl.DataFrame,
    path: Path,
    folder: Path,
    columns: Columns,
    like: LabelNames | None = None,
    *,
    vectors: Vectors | None = None,
) -> Catalogue:
    """Reads a label table; every cell is read as text, so names keep their spelling.

    Categories are sorted; attributes are the binary columns in the given order, then the facets in
    the given order, each with its values sorted. A facet value becomes an attribute if at least
    `columns.min_positives` usable rows have it, of any subset. Without a subset column the subsets
    are those of `parse_labels.derived_subsets`.

    Rows that cannot be used (empty, no image, the image does not exist or is repeated) are left
    out and listed in `problems`. A cell with an unknown value is missing and is listed as well. In
    a column of numbers, nan is missing. With feature vectors, images need not exist, a row without
    one is named `TABLE#ROW`, and rows without a vector are left out.

    Args:
        frame: The table.
        path: Its file, or what messages call it if it is in none.
        folder: Image paths are relative to it.
        columns: Which columns hold images, labels and subsets.
        like: The names of a model. Facets have the model's values, and label columns that the
            table does not have are missing instead of an error.
        vectors: Feature vectors of the rows.

    Raises:
        DualhashError: The table has two columns of one name, does not have a column of `columns`,
            or has no usable row.
    """
    frame = frame.with_columns(cs.float().fill_nan(None))
    optional = Columns().image if vectors is not None else None
    columns, problems = _resolve(path, frame.columns, columns, like, optional)
    references = text_column(path, frame, columns.image).to_list()
    if vectors is not None:
        named = enumerate(references, start=1)
        references = [name or f"{path.name}#{row}" for row, name in named]
    rows, files, unusable = _usable(path, folder, frame, references, vectors)
    if columns.min_positives is None:
        default = default_min_positives(len(rows))
        columns = columns.model_copy(update={"min_positives": default})
    table = LabelColumns(path, frame[rows], columns, rows + 1, problems + unusable)
    category_cells = table.cells(columns.category)
    categories = tuple(category_cells.unique().drop_nulls().sort())
    attributes = list(table.attributes(like))
    names = tuple(name for name, _, _ in attributes)
    for name, count in Counter(names).items():
        if count > 1:
            raise DualhashError(f"{path}: two columns give the attribute {name!r}. Leave one out.")
    shape = (len(names), len(rows))
    values = np.array([present for _, present, _ in attributes], np.int8).reshape(shape).T.copy()
    observed = np.array([mask for _, _, mask in attributes], bool).reshape(shape).T.copy()
    usable_references = tuple(references[i] for i in rows)
    has_category = category_cells.is_not_null().to_numpy()
    group_cells = table.cells(columns.group)
    own_names = pl.Series(usable_references)
    group_names = group_cells.zip_with(group_cells.is_not_null(), own_names).to_list()
    return Catalogue(
        source=str(path),
        images=tuple(Path(files[i]) for i in rows),
        references=usable_references,
        names=LabelNames(categories, names),
        categories=parse_labels.indices(category_cells, categories),
        attributes=values,
        observed=observed,
        subsets=table.subsets(group_names, has_category, np.any(observed, axis=1)),
        payload=table.frame,
        columns=columns,
        problems=tuple(table.problems),
        row_numbers=table.rows,
        features=None if vectors is None else vectors.take(rows),
        groups=None if columns.group is None else parse_labels.groups(group_cells),
    )


def _read_file(path: Path, features: str | None) -> pl.DataFrame:
    """The table without its column of features, which may not fit into memory."""
    is_csv = path.suffix.lower() == ".csv"
    try:
        if not is_csv:
            table = pl.scan_parquet(path, glob=False)
            return table.drop(features or [], strict=False).collect()
        frame = pl.read_csv(path, infer_schema=False, glob=False)
    except PermissionError as error:
        raise DualhashError(not_readable(path)) from error
    except OSError as error:
        raise DualhashError(f"{path} cannot be read: {error.strerror or error}.") from error
    except pl.exceptions.PolarsError as error:
        reason = explain_csv_error(path) if is_csv else None
        reason = reason or f"cannot be read: {str(error).splitlines()[0]}."
        raise DualhashError(f"{path} {reason}") from error
    suspicious = len(frame.columns) == 1 or NOT_UTF8 in "".join(frame.columns)
    reason = (explain_csv_error(path) if suspicious else None) or duplicate_columns(path)
    if reason:
        raise DualhashError(f"{path} {reason}")
    return frame


def _resolve(
    path: Path, known: list[str], columns: Columns, like: LabelNames | None, optional: str | None
) -> tuple[Columns, list[CatalogueProblem]]:
    """Fills in the default category and subset columns and reports columns that do not exist.

    A column with the name `optional` may be missing.
    """
    default: dict[str, str] = {
        name: name
        for name in ("category", "subset")
        if getattr(columns, name) is None and name in known
    }
    options = {
        "--image-column": (columns.image,),
        "--category-column": (columns.category,),
        "--attribute-columns": columns.attributes,
        "--facet-columns": columns.facets,
        "--subset-column": (columns.subset,),
        "--group-column": (columns.group if like is None else None,),
    }
    missing = [
        (option, name)
        for option, names in options.items()
        for name in names
        if name is not None and name != optional and name not in known
    ]
    for option, name in missing:
        if like is None or name == columns.image:
            raise DualhashError(f"{path} has no column {name!r} ({option}). {nearest(name, known)}")
    columns = columns.model_copy(update=default)
    messages = []
    if missing:
        names = shortened([repr(name) for _, name in missing])
        messages.append(f"these columns do not exist, so their labels are missing: {names}")
    used = (columns.image, columns.category, columns.subset, columns.group)
    unused = [name for name in known if name not in used]
    if like is None and unused and not (columns.attributes or columns.facets):
        kinds, choices = "attributes", "--attribute-columns or --facet-columns"
        if columns.category is None:
            kinds, choices = f"categories or {kinds}", f"--category-column, {choices}"
        messages.append(
            f"no column holds {kinds}; choose some with {choices}, from: {shortened(unused)}"
        )
    return columns, [CatalogueProblem(path.name, message) for message in messages]


def _usable(
    path: Path,
    folder: Path,
    frame: pl.DataFrame,
    references: Sequence[str | None],
    vectors: Vectors | None,
) -> tuple[NDArray[np.int64], list[str], list[CatalogueProblem]]:
    """The indices of the usable rows, the image path of every row, and the unusable rows.

    Paths are normal and plain text, which for many images is several times faster than `Path`.
    """
    start = str(folder)
    files = [os.path.normpath(os.path.join(start, name or "")) for name in references]  # noqa: PTH118
    exists = existing_files(files) if vectors is None else (~vectors.missing()).tolist()
    first: dict[str, int] = {}
    rows, problems = [], []
    for i, (reference, file) in enumerate(zip(references, files, strict=True)):
        row = i + 1
        if reference is None:
            empty = all(cell in (None, "") for cell in frame.row(i))
            message = "the row is empty" if empty else "the row has no image path"
        elif not exists[i]:
            message = (
                f"the image {_why_missing(reference, file)}"
                if vectors is None
                else "the vector is missing"
            )
        elif first.setdefault(file, row) != row:
            message = f"the image {reference} is a duplicate of row {first[file]}"
        else:
            rows.append(i)
            continue
        problems.append(CatalogueProblem(f"{path.name} row {row}", message, fatal=True))
    if not files:
        raise DualhashError(f"{path} has no rows.")
    if not rows:
        hint = (
            "" if vectors is not None else " Image paths are relative to the folder of the table."
        )
        raise DualhashError(
            f"{path}: none of its {len(files):,} rows can be used. Row 1: {problems[0].message}."
            f"{hint}"
        )
    return np.array(rows, np.int64), files, problems


def _why_missing(reference: str, file: str) -> str:
    try:
        is_there(Path(file))
    except DualhashError:
        return not_readable(reference).removesuffix(".")
    return f"{reference} does not exist"
