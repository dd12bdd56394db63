"""What is known about a collection of images: labels, which of them were observed, subsets."""

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue.columns import Columns
from dualhash.catalogue.problems import Problem

MISSING = -1
"""The category index of an image whose category is not known."""

SUBSETS = ("train-both", "train-attribute", "train-category", "test")
"""Subset names, in the order of their indices; an image in none of them has index -1."""

TRAIN_BOTH, TRAIN_ATTRIBUTE, TRAIN_CATEGORY, TEST = range(4)


@dataclass(frozen=True)
class LabelNames:
    """The names a model was trained with, so that another table is read with the same indices."""

    categories: tuple[str, ...]
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """N images with the labels that are known of them. Missing labels stay missing.

    Attributes:
        source: What was read, as the user named it.
        images: N paths of image files.
        references: N names of the images as the table has them; unique.
        names: C category names and p attribute names.
        categories: (N,) int64, index into `names.categories`, `MISSING` where not known.
        attributes: (N, p) int8, 1 present, 0 absent; 0 wherever `observed` is False.
        observed: (N, p) bool, whether the attribute label is known.
        subsets: (N,) int8, index into `SUBSETS`, -1 for images in none.
        payload: N rows of every column of the table, kept for display and filters.
        columns: How the table was read.
        problems: What was found wrong, with file and row; rows that cannot be used are left out.
        row_numbers: (N,) int64, the row of the table in which each image stands (the first is 1);
            None where the source is not a table.
    """

    source: str
    images: tuple[Path, ...]
    references: tuple[str, ...]
    names: LabelNames
    categories: NDArray[np.int64]
    attributes: NDArray[np.int8]
    observed: NDArray[np.bool_]
    subsets: NDArray[np.int8]
    payload: pl.DataFrame
    columns: Columns
    problems: tuple[Problem, ...] = ()
    row_numbers: NDArray[np.int64] | None = None

    @classmethod
    def read(
        cls,
        source: str | Path,
        columns: Columns = Columns(),
        *,
        like: LabelNames | None = None,
    ) -> "Catalogue":
        """Reads a table, a folder or a data set; see `dualhash.catalogue.read.read_catalogue`."""
        from dualhash.catalogue.read import read_catalogue

        return read_catalogue(source, columns, like=like)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def left_out(self) -> list[str]:
        """A sentence for each row that could not be used, such as `products.csv row 17: …`."""
        return [f"{problem.where}: {problem.what}" for problem in self.problems if problem.fatal]

    @property
    def remarks(self) -> list[str]:
        """A sentence for each finding that cost no row, in the same form."""
        return [
            f"{problem.where}: {problem.what}" for problem in self.problems if not problem.fatal
        ]

    def take(self, rows: NDArray[np.int64]) -> "Catalogue":
        """The same catalogue with only `rows` (indices), in that order."""
        return replace(
            self,
            images=tuple(self.images[i] for i in rows),
            references=tuple(self.references[i] for i in rows),
            categories=self.categories[rows],
            attributes=self.attributes[rows],
            observed=self.observed[rows],
            subsets=self.subsets[rows],
            payload=self.payload[rows],
            row_numbers=None if self.row_numbers is None else self.row_numbers[rows],
        )

    def where(self, row: int | None = None) -> str:
        """Where an image is named, such as `products.csv row 17`; without `row` the source."""
        if self.row_numbers is None:
            return self.source if row is None else self.references[row]
        name = Path(self.source).name
        return name if row is None else f"{name} row {self.row_numbers[row]}"

    def rows(self, *subsets: int) -> NDArray[np.int64]:
        """Indices of the images in any of the given subsets (`TRAIN_BOTH`, …), ascending."""
        return np.flatnonzero(np.isin(self.subsets, subsets))

    def visible(self) -> "Catalogue":
        """The labels that training may see.

        The category of `train-attribute` and the attributes of `train-category` images become
        missing, and so do all labels of images that are in `test` or in no subset.
        """
        no_category = ~np.isin(self.subsets, (TRAIN_BOTH, TRAIN_CATEGORY))
        no_attributes = ~np.isin(self.subsets, (TRAIN_BOTH, TRAIN_ATTRIBUTE))
        observed = self.observed & ~no_attributes[:, None]
        return replace(
            self,
            categories=np.where(no_category, MISSING, self.categories),
            attributes=np.where(observed, self.attributes, 0).astype(np.int8),
            observed=observed,
        )

    def aligned(self, like: LabelNames) -> "Catalogue":
        """The same images with the indices of `like`.

        Categories that `like` does not have come after its own. The attributes are exactly those
        of `like`; what this catalogue does not say about them is missing.
        """
        known = set(like.categories)
        names = like.categories + tuple(c for c in self.names.categories if c not in known)
        position = {name: i for i, name in enumerate(names)}
        moved = np.array([position[c] for c in self.names.categories] + [MISSING])
        column = {name: j for j, name in enumerate(self.names.attributes)}
        taken = [column.get(name, -1) for name in like.attributes]
        one_more = ((0, 0), (0, 1))
        return replace(
            self,
            names=LabelNames(names, like.attributes),
            categories=moved[self.categories],
            attributes=np.pad(self.attributes, one_more)[:, taken],
            observed=np.pad(self.observed, one_more)[:, taken],
        )

    def class_ratios(self) -> NDArray[np.float64]:
        """r_j = negatives / positives over the labels that training sees, (p,); inf without one.

        Source: the released code's README; w_p = r / (r + 1), w_n = 1 / (r + 1) (equation 6).
        """
        seen = self.visible()
        positives = (seen.attributes == 1).sum(axis=0)
        negatives = seen.observed.sum(axis=0) - positives
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios: NDArray[np.float64] = negatives / positives
        return ratios

    @cached_property
    def label_hash(self) -> str:
        """SHA-256 (hex) of references, names, labels, masks and subsets: what a model saw."""
        digest = sha256()
        for text in (self.references, self.names.categories, self.names.attributes):
            digest.update("\n".join(text).encode() + b"\0")
        for array in (self.categories, self.attributes, self.observed, self.subsets):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
