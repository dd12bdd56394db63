"""The label columns of a table, as attributes, categories and subsets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue import parse_labels
from dualhash.catalogue.catalogue import SUBSETS, LabelNames
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.problems import CatalogueProblem, shortened
from dualhash.errors import DualhashError

Labels = tuple[str, NDArray[np.int8], NDArray[np.bool_]]
"""Name, (N,) values and (N,) mask of an attribute."""


@dataclass(frozen=True)
class LabelColumns:
    """The usable rows of a table. Its methods add to `problems`.

    Attributes:
        path: The file, as messages name it.
        frame: The N rows.
        columns: Which columns hold which labels.
        rows: (N,) int64, the row numbers; the first row of the table is 1.
        problems: What is wrong with the table.
    """

    path: Path
    frame: pl.DataFrame
    columns: Columns
    rows: NDArray[np.int64]
    problems: list[CatalogueProblem]

    def remark(self, message: str) -> None:
        """Adds a problem of the whole table."""
        self.problems.append(CatalogueProblem(self.path.name, message))

    def remark_cells(self, wrong: pl.Series, cells: pl.Series, message: str) -> None:
        """Adds a problem for each cell that is `wrong`."""
        for i in wrong.arg_true().to_list():
            location = f"{self.path.name} row {self.rows[i]}"
            self.problems.append(
                CatalogueProblem(location, f"{cells[i]!r} in column {cells.name!r} {message}")
            )

    def cells(self, column: str | None) -> pl.Series:
        """The column as text, null where missing."""
        cells = text_column(self.path, self.frame, column)
        missing = parse_labels.is_any_of(cells, self.columns.missing_values)
        if missing.any():
            counts = _counts(cells.filter(missing))
            self.remark(
                f"column {column!r}: read as missing (--missing-values): "
                + shortened([f"{value!r} ({n:,})" for value, n in counts])
            )
        return cells.set(missing, None)

    def attributes(self, like: LabelNames | None) -> Iterator[Labels]:
        """Yields binary columns, then facet values: frequent ones, or those of a model."""
        for name in self.columns.attributes:
            cells = self.cells(name)
            present, observed = parse_labels.binary(cells)
            wrong = cells.is_not_null() & ~pl.Series(observed)
            self.remark_cells(wrong, cells, "is not 1, 0 or empty; it is read as missing")
            yield name, present, observed
        for name in self.columns.facets:
            cells = self.cells(name)
            if like is None:
                values = self.frequent(cells)
            else:
                start = f"{name}="
                values = [a.removeprefix(start) for a in like.attributes if a.startswith(start)]
            for value in values:
                yield f"{name}={value}", *parse_labels.facet(cells, value)

    def frequent(self, cells: pl.Series) -> list[str]:
        """The sorted values of a facet that become attributes; the others are a remark."""
        counts, least = _counts(cells), self.columns.min_positives or 1
        rare = [f"{value} ({n})" for value, n in counts if n < least]
        if rare:
            self.remark(
                f"facet {cells.name!r}: values that fewer than {least} images have "
                f"(--min-positives); they do not become attributes ({len(rare):,}): "
                f"{shortened(rare)}"
            )
        return sorted(value for value, n in counts if n >= least)

    def subsets(
        self,
        names: Sequence[str],
        has_category: NDArray[np.bool_],
        has_attribute: NDArray[np.bool_],
    ) -> NDArray[np.int8]:
        """(N,) int8, index into `SUBSETS`, -1 for none and for names that are not a subset."""
        if self.columns.subset not in self.frame.columns:
            if has_category.any() or has_attribute.any():
                self.remark(parse_labels.DERIVED_SUBSETS)
            return parse_labels.derived_subsets(names, has_category, has_attribute)
        cells = self.cells(self.columns.subset)
        wrong = cells.is_not_null() & ~cells.is_in(SUBSETS)
        message = f"is not a subset, so the image is in none; subsets are {', '.join(SUBSETS)}"
        self.remark_cells(wrong, cells, message)
        return parse_labels.indices(cells, SUBSETS).astype(np.int8)


def text_column(path: Path, frame: pl.DataFrame, column: str | None) -> pl.Series:
    """The column as text; all missing if it does not exist.

    Raises:
        DualhashError: Its type has no text.
    """
    if column is None or column not in frame.columns:
        return pl.Series(column or "", [None] * len(frame), pl.String)
    try:
        return parse_labels.text(frame[column])
    except pl.exceptions.PolarsError as error:
        kind = frame[column].dtype
        raise DualhashError(
            f"{path}: column {column!r} holds {kind}; convert it to text or numbers."
        ) from error


def _counts(cells: pl.Series) -> list[tuple[str, int]]:
    """Each value and how often it occurs, the most frequent first."""
    counts = cells.drop_nulls().alias("value").value_counts(name="rows")
    return counts.sort("rows", "value", descending=[True, False]).rows()
