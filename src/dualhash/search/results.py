"""Items, queries and the results of a search."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue.images import ImageLike
from dualhash.codes.model import Prediction
from dualhash.errors import DualhashError

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["category", "attribute", "combined", "weighted", "posterior"]
TASKS: tuple[Task, ...] = get_args(Task)

NAME = re.compile(r"(name|title)\Z", re.IGNORECASE)
FILE_NAME = re.compile(r"(file|path|image).?name\Z", re.IGNORECASE)
"""Payload fields that name an item, and those among them that name its file."""


@dataclass(frozen=True)
class ItemLabels:
    """The labels of an image, as opposed to predictions.

    Attributes:
        category: The category; None if it is missing.
        attributes: True if present, False if absent, by name; missing labels are left out.
    """

    category: str | None = None
    attributes: Mapping[str, bool] = field(default_factory=dict)


class Named:
    """What has an image, labels and a payload."""

    image: str
    labels: ItemLabels
    payload: dict[str, Any]

    @property
    def name(self) -> str | None:
        """The name or title in the payload, such as `product_name`; None if there is none.

        A field `name` or `title` comes before fields that end so. Names of files, and one that
        repeats the category, do not count.
        """
        fields = [
            field for field in self.payload if NAME.search(field) and not FILE_NAME.search(field)
        ]
        fields.sort(key=lambda field: field.lower() not in ("name", "title"))
        for value in map(self.payload.get, fields):
            if isinstance(value, str) and value.strip() and value != self.labels.category:
                return value
        return None

    @property
    def file_name(self) -> str:
        """The name of the image file, without folders; empty if there is none."""
        return os.path.basename(self.image)  # noqa: PTH119 - faster than `Path`


@dataclass(frozen=True)
class Item(Named):
    """An item of an index, without its code.

    Attributes:
        id: Its id, which no other item ever gets.
        image: Path of its image; empty if it has none.
        labels: Its labels.
        payload: Further values, such as the row of a table.
    """

    id: int
    image: str
    labels: ItemLabels
    payload: dict[str, Any]


@dataclass(frozen=True)
class CodedItem(Item):
    """An item with its code.

    Attributes:
        code: (k/8,) uint8, packed.
    """

    code: NDArray[np.uint8] = field(repr=False, compare=False)


@dataclass(frozen=True, eq=False)
class Query:
    """The query of a search.

    Attributes:
        code: (k/8,) uint8, packed.
        image: Path of its image; or the image itself, as it was given; None if it is a code.
        id: Id of the item that it is; None if it is not in the index.
        labels: Labels of that item.
        prediction: What the heads predict from its code.
    """

    code: NDArray[np.uint8]
    image: ImageLike | None = field(repr=False)
    id: int | None
    labels: ItemLabels
    prediction: Prediction

    def as_dict(self) -> dict[str, Any]:
        """Returns it as JSON values, with the code in hexadecimal."""
        return {
            "id": self.id,
            "image": self.image if isinstance(self.image, str) else None,
            "code": self.code.tobytes().hex(),
            "category": self.labels.category,
            "predicted_category": self.prediction.category,
        }


@dataclass(frozen=True)
class Hit(Named):
    """One result.

    Attributes:
        rank: 1 is best.
        id: Id of the item.
        distance: Hamming distance from the query; None without a query.
        score: Joint probability that the chosen attributes have the wanted values; None if no
            attributes are chosen. For the task posterior, what ranks: log(epsilon +
            category_probability) + log(joint probability) - distance / tau, with no epsilon and
            no distance if the category is named.
        probabilities: Probability that each chosen attribute is present, by name.
        image: Path of its image.
        labels: Its labels.
        payload: Its payload.
        code: (k/8,) uint8, packed.
        category_probability: For the task posterior: the probability that it has the category of
            the query, or the named one.
    """

    rank: int
    id: int
    distance: int | None
    score: float | None
    probabilities: dict[str, float]
    image: str
    labels: ItemLabels
    payload: dict[str, Any]
    code: NDArray[np.uint8] = field(repr=False, compare=False)
    category_probability: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns it as JSON values, without code and attribute labels."""
        values = vars(self) | {"category": self.labels.category}
        del values["labels"], values["code"]
        return values


@dataclass(frozen=True)
class Results:
    """The results of one search: a sequence of hits, which notebooks show with their images.

    Attributes:
        task: The kind of search.
        bits: The number of bits that distances compare: all k, or those by which codes rank.
        query: The query; None in a search by attributes alone.
        conditions: Whether each chosen attribute must be present, by name.
        matched: Number of items that matched; `hits` are the first of them.
        hits: Best first.
        thresholds: For `combined`, the probability from which each chosen attribute counted as
            present, and below which as absent, by name; empty for other tasks.
        attribute_weight: The weight that was used, for `weighted`; None for other tasks.
        category: The named category; None if there is none.
    """

    task: Task
    bits: int
    query: Query | None
    conditions: dict[str, bool]
    matched: int
    hits: tuple[Hit, ...]
    thresholds: dict[str, float] = field(default_factory=dict)
    attribute_weight: float | None = None
    category: str | None = None

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    @overload
    def __getitem__(self, place: int) -> Hit: ...

    @overload
    def __getitem__(self, place: slice) -> "Results": ...

    def __getitem__(self, place: int | slice) -> "Hit | Results":
        """Returns the hit at a place from 0, or the same results with some of the hits."""
        if isinstance(place, slice):
            return replace(self, hits=self.hits[place])
        return self.hits[place]

    def to_polars(self) -> pl.DataFrame:
        """Returns one row per hit.

        Columns: `rank`, `id`, `distance`, `score`, `category_probability` (only for the task
        posterior), `image`, the labels `category` and
        `attribute.NAME`, `probability.NAME` for each chosen attribute, and `payload.FIELD`. Lists,
        mappings, and fields that mix text with other values are JSON text.
        """
        from dualhash.search.table_columns import results_table

        return results_table(self)

    def to_pandas(self) -> "pd.DataFrame":
        """Returns what `to_polars` returns, as a table of pandas.

        Raises:
            DualhashError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise DualhashError("Results.to_pandas needs pandas: pip install pandas.") from error
        return pd.DataFrame(self.to_polars().to_dict(as_series=False))

    def _repr_html_(self) -> str:
        from dualhash.search.results_html import results_html

        return results_html(self)

    @property
    def words(self) -> str:
        """Describes the search, such as "Same kind, but colour=red and not size=small"."""
        wanted = " and ".join(_in_words(*condition) for condition in self.conditions.items())
        if self.category is not None:
            return f"{self.category}, {wanted}" if wanted else self.category
        if self.task == "attribute" or self.query is None:
            return wanted
        if not wanted:
            return "Same kind"
        return f"Same kind, {'preferably' if self.task == 'weighted' else 'but'} {wanted}"

    @property
    def found(self) -> str:
        """Describes the number of results, such as "20 of 134 that match"."""
        if not self.matched:
            return "nothing matches"
        if not self.hits:
            return f"nothing after the {self.matched:,} that match"
        if (first := self.hits[0].rank) > 1:
            return f"{first:,} to {self.hits[-1].rank:,} of {self.matched:,}"
        if self.task == "combined":
            return f"{len(self.hits):,} of {self.matched:,} that match"
        order = ", most probable first" if self.task == "posterior" else ""
        return f"the first {len(self.hits):,} of {self.matched:,}{order}"

    def confidences(self, probabilities: Mapping[str, float]) -> dict[str, float]:
        """Returns the probability of each wanted value, by a name such as "red" or "not small".

        Args:
            probabilities: Probability that each attribute is present, by name, as in a hit.
        """
        return {
            _in_words(name, wanted): probabilities[name] if wanted else 1 - probabilities[name]
            for name, wanted in self.conditions.items()
        }

    def readings(self, hit: Hit) -> dict[str, float]:
        """Returns the probabilities that ranked a hit, by name.

        They are that of the category of the query or the named one, for the task posterior, and
        those of the wanted values.
        """
        of_category = hit.category_probability
        category = {} if of_category is None else {self.category or "same kind": of_category}
        return category | self.confidences(hit.probabilities)

    @property
    def reading_names(self) -> list[str]:
        """The names in `readings` of every hit."""
        category = [self.category or "same kind"] if self.task == "posterior" else []
        return [*category, *(_in_words(*condition) for condition in self.conditions.items())]

    def as_dict(self) -> dict[str, Any]:
        """Returns them as JSON values."""
        return vars(self) | {
            "query": self.query and self.query.as_dict(),
            "hits": [hit.as_dict() for hit in self.hits],
        }


def _in_words(name: str, wanted: bool) -> str:
    return name if wanted else f"not {name}"
