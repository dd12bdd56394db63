"""The `Catalogue`: images with their labels, masks of missing labels, and subsets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue.columns import Columns
from dualhash.catalogue.problems import CatalogueProblem
from dualhash.catalogue.vectors import Vectors, open_vectors

MISSING = -1
"""The category index of an image without a category."""


class Subset(IntEnum):
    """The index of each subset. An image in no subset has index -1."""

    TRAIN_BOTH = 0
    TRAIN_ATTRIBUTE = 1
    TRAIN_CATEGORY = 2
    TEST = 3


SUBSETS = ("train-both", "train-attribute", "train-category", "test")
"""Names of the subsets in tables, in the order of their indices."""


@dataclass(frozen=True)
class LabelNames:
    """Names of categories and attributes, in the order of their indices."""

    categories: tuple[str, ...]
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """N images with their labels. Missing labels stay missing.

    Attributes:
        source: What was read, as the user named it.
        images: N paths of image files.
        references: N unique names of the images, as the table writes them.
        names: C category names and p attribute names.
        categories: (N,) int64, index into `names.categories`, `MISSING` if missing.
        attributes: (N, p) int8, 1 present, 0 absent; 0 wherever `observed` is False.
        observed: (N, p) bool, True where the attribute is labelled, False where it is missing.
        subsets: (N,) int8, index into `SUBSETS`, -1 for images in no subset.
        payload: N rows with every column of the table, for display and filters.
        columns: How the table was read.
        problems: What is wrong, with file and row. Rows that cannot be used are left out.
        row_numbers: (N,) int64, the table row of each image, the first is 1; None if the source
            is not a table.
        features: N feature vectors to learn from and to encode in place of the images; or None.
        groups: (N,) int64, equal for images that belong together, such as photos of one product;
            a group is never divided between training and validation. None if each image is on its
            own.
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
    problems: tuple[CatalogueProblem, ...] = ()
    row_numbers: NDArray[np.int64] | None = None
    features: Vectors | None = None
    groups: NDArray[np.int64] | None = None

    @classmethod
    def read(
        cls,
        source: str | Path,
        columns: Columns = Columns(),
        *,
        like: LabelNames | None = None,
        features: str | Path | NDArray[Any] | None = None,
    ) -> "Catalogue":
        """Reads a table, a folder or a data set; see `read_catalogue.read_catalogue`."""
        from dualhash.catalogue.read_catalogue import read_catalogue

        return read_catalogue(source, columns, like=like, features=features)

    def with_features(self, features: NDArray[Any]) -> "Catalogue":
        """The same catalogue with feature vectors, which models learn and encode from then on.

        Args:
            features: (N, d) float16 or float32, one vector for each image of this catalogue.

        Raises:
            DualhashError: The array has another shape or type, or a value is not finite.
        """
        return replace(self, features=open_vectors(features, len(self), self.source))

    @classmethod
    def from_polars(
        cls,
        frame: pl.DataFrame,
        columns: Columns = Columns(),
        *,
        folder: str | Path = ".",
        like: LabelNames | None = None,
        features: NDArray[Any] | None = None,
    ) -> "Catalogue":
        """Reads a table in memory, with the checks and messages of a table in a file.

        Args:
            frame: One row per image.
            columns: Which columns hold images, labels and subsets.
            folder: Image paths are relative to it.
            like: As for `read_catalogue.read_catalogue`.
            features: Feature vectors (rows, d) float16 or float32, in place of images.

        Raises:
            DualhashError: A column does not exist or cannot be read, or no row can be used.
        """
        from dualhash.catalogue.read_catalogue import read_polars

        return read_polars(frame, columns, folder, like=like, features=features)

    @classmethod
    def from_arrays(
        cls,
        images: Sequence[str | Path],
        *,
        categories: Sequence[str | None] | NDArray[np.integer] | None = None,
        category_names: Sequence[str] = (),
        attributes: NDArray[np.integer] | NDArray[np.bool_] | None = None,
        observed: NDArray[np.bool_] | None = None,
        attribute_names: Sequence[str] = (),
        subsets: Sequence[str | None] | None = None,
        folder: str | Path = ".",
    ) -> "Catalogue":
        """Takes labels from arrays, with the checks and messages of a table; rows start at 1.

        Args:
            images: N image files.
            categories: N names, None if missing; or (N,) indices into `category_names`, `MISSING`
                (-1) if missing. None if there are no categories.
            category_names: Fixes the order of the categories; else they are sorted.
            attributes: (N, p), 1 or True if present, 0 or False if absent; None if there are none.
            observed: (N, p), False where the attribute label is missing; all True by default.
            attribute_names: p names.
            subsets: N names of `SUBSETS`, None for images in no subset. By default as for a table
                without a subset column.
            folder: Image paths are relative to it.

        Raises:
            DualhashError: The arrays do not fit together, or no image can be used.
        """
        from dualhash.catalogue.read_catalogue import read_polars
        from dualhash.catalogue.readers.arrays import table_of_arrays

        frame, columns = table_of_arrays(
            images,
            categories=categories,
            category_names=category_names,
            attributes=attributes,
            observed=observed,
            attribute_names=attribute_names,
            subsets=subsets,
        )
        catalogue = read_polars(frame, columns, folder, name="arrays")
        if not category_names:
            return catalogue
        return catalogue.aligned(LabelNames(tuple(category_names), catalogue.names.attributes))

    def __len__(self) -> int:
        return len(self.images)

    @property
    def left_out(self) -> list[str]:
        """One message for each image that was left out, such as `products.csv row 17: …`."""
        return [str(problem) for problem in self.problems if problem.fatal]

    @property
    def remarks(self) -> list[str]:
        """One message for each problem for which no image was left out, single rows last."""
        remarks = [problem for problem in self.problems if not problem.fatal]
        return [str(problem) for problem in sorted(remarks, key=lambda p: p.of_one_row)]

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
            features=None if self.features is None else self.features.take(rows),
            groups=None if self.groups is None else self.groups[rows],
        )

    def location(self, row: int | None = None) -> str:
        """Where an image is named, such as `products.csv row 17`; without `row` the source."""
        if self.row_numbers is None:
            return self.source if row is None else self.references[row]
        name = Path(self.source).name
        return name if row is None else f"{name} row {self.row_numbers[row]}"

    def rows(self, *subsets: int) -> NDArray[np.int64]:
        """Indices of the images in any of the given subsets (`Subset.TRAIN_BOTH`, …), ascending."""
        return np.flatnonzero(np.isin(self.subsets, subsets))

    def visible(self) -> "Catalogue":
        """The labels that training may see; all others become missing.

        Training does not see the categories of `train-attribute`, the attributes of
        `train-category`, and the labels of images that are in `test` or in no subset.
        """
        has_category = np.isin(self.subsets, (Subset.TRAIN_BOTH, Subset.TRAIN_CATEGORY))
        has_attributes = np.isin(self.subsets, (Subset.TRAIN_BOTH, Subset.TRAIN_ATTRIBUTE))
        observed = self.observed & has_attributes[:, None]
        return replace(
            self,
            categories=np.where(has_category, self.categories, MISSING),
            attributes=np.where(observed, self.attributes, 0).astype(np.int8),
            observed=observed,
        )

    def aligned(self, like: LabelNames) -> "Catalogue":
        """The same images with the label indices of `like`.

        Categories that are not in `like` come after its own. The attributes are exactly those of
        `like`; those that this catalogue does not have are missing.
        """
        known = set(like.categories)
        names = like.categories + tuple(c for c in self.names.categories if c not in known)
        position = {name: i for i, name in enumerate(names)}
        indices = np.array([position[c] for c in self.names.categories] + [MISSING])
        column = {name: j for j, name in enumerate(self.names.attributes)}
        columns = [column.get(name, -1) for name in like.attributes]
        missing_column = ((0, 0), (0, 1))
        return replace(
            self,
            names=LabelNames(names, like.attributes),
            categories=indices[self.categories],
            attributes=np.pad(self.attributes, missing_column)[:, columns],
            observed=np.pad(self.observed, missing_column)[:, columns],
        )

    def class_ratios(self) -> NDArray[np.float64]:
        """Negatives / positives of each attribute in training, (p,); inf without positives.

        Source: r_j in the README of the released code; equation 6 with w_p = r / (r + 1) and
        w_n = 1 / (r + 1).
        """
        seen = self.visible()
        positives, negatives = count_labels(seen.attributes, seen.observed)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios: NDArray[np.float64] = negatives / positives
        return ratios

    @cached_property
    def label_hash(self) -> str:
        """SHA-256 (hex) of references, names, labels, masks, subsets and, if any, groups."""
        digest = sha256()
        for text in (self.references, self.names.categories, self.names.attributes):
            digest.update("\n".join(text).encode() + b"\0")
        for array in (self.categories, self.attributes, self.observed, self.subsets, self.groups):
            if array is not None:
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def count_labels(
    attributes: NDArray[np.int8], observed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts the images that have each attribute, and those that do not have it.

    Args:
        attributes: (N, p), 1 present, else absent or missing.
        observed: (N, p), False if the label is missing.

    Returns:
        Positives (p,) and negatives (p,).
    """
    positives: NDArray[np.int64] = (observed & (attributes == 1)).sum(axis=0)
    return positives, observed.sum(axis=0) - positives
