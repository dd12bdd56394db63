"""What a search gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.model import Prediction

Task = Literal["category", "attribute", "combined", "weighted"]
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True)
class ItemLabels:
    """What is known of an image, as opposed to what a code predicts.

    Attributes:
        category: None where it is not known.
        attributes: Present or absent by name; those not known are left out.
    """

    category: str | None = None
    attributes: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """What an index keeps beside a code.

    Attributes:
        id: Never given to another item.
        image: Path of its image.
        labels: What is known of it.
        payload: Whatever else belongs to it, such as the row of a table.
    """

    id: int
    image: str
    labels: ItemLabels
    payload: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Query:
    """What was searched for.

    Attributes:
        code: (k/8,) uint8, packed.
        image: Path of its image; None for a bare code.
        id: Of the item in the index, if it is one.
        labels: What is known of it; of an image outside the index nothing is.
        prediction: What its code says.
    """

    code: NDArray[np.uint8]
    image: str | None
    id: int | None
    labels: ItemLabels
    prediction: Prediction

    def as_dict(self) -> dict[str, Any]:
        """All of it in terms of JSON; the code in hexadecimal."""
        return {
            "id": self.id,
            "image": self.image,
            "code": self.code.tobytes().hex(),
            "category": self.labels.category,
            "predicted_category": self.prediction.category,
        }


@dataclass(frozen=True)
class Hit:
    """One result.

    Attributes:
        rank: 1 is best.
        id: Of the item.
        distance: Bits that differ from the query; None without a query.
        score: Joint probability of the chosen attributes having the wanted values; None where
            none are chosen.
        probabilities: Of each chosen attribute being present, by name.
        image: Path of its image.
        labels: What is known of it.
        payload: What was kept with it.
        code: (k/8,) uint8, packed.
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

    def as_dict(self) -> dict[str, Any]:
        """What is shown of it, in terms of JSON; of the labels the category."""
        return {
            "rank": self.rank,
            "id": self.id,
            "distance": self.distance,
            "score": self.score,
            "probabilities": self.probabilities,
            "image": self.image,
            "category": self.labels.category,
            "payload": self.payload,
        }


@dataclass(frozen=True)
class Results:
    """The outcome of one search.

    Attributes:
        task: Which kind of search.
        bits: k, what distances are out of.
        query: What was searched for; None where wanted attributes alone define it.
        conditions: Whether each chosen attribute shall be present, by name.
        matched: How many items matched; there are fewer hits where fewer than k did.
        hits: Best first.
        threshold: The probability from which on an attribute counted as present, for `combined`.
        attribute_weight: The weight that was used, for `weighted`; None for other tasks.
    """

    task: Task
    bits: int
    query: Query | None
    conditions: dict[str, bool]
    matched: int
    hits: tuple[Hit, ...]
    threshold: float = 0.5
    attribute_weight: float | None = None

    @property
    def words(self) -> str:
        """What was asked for, such as "Same kind, but colour=red and not size=small"."""
        asked = " and ".join(_in_words(*condition) for condition in self.conditions.items())
        if self.task == "attribute" or self.query is None:
            return asked
        if not asked:
            return "Same kind"
        return f"Same kind, {'preferably' if self.task == 'weighted' else 'but'} {asked}"

    @property
    def found(self) -> str:
        """How much was found, such as "20 of 134 that match"."""
        if not self.matched:
            return "nothing matches"
        if not self.hits:
            return f"nothing after the {self.matched:,} that match"
        if (first := self.hits[0].rank) > 1:
            return f"{first:,} to {self.hits[-1].rank:,} of {self.matched:,}"
        if self.task == "combined":
            return f"{len(self.hits):,} of {self.matched:,} that match"
        return f"the first {len(self.hits):,} of {self.matched:,}"

    def confidences(self, probabilities: Mapping[str, float]) -> dict[str, float]:
        """How probable each wanted value is, by its words, such as "red" or "not small".

        Args:
            probabilities: Of each attribute being present, by name, as of a hit.
        """
        return {
            _in_words(name, wanted): probabilities[name] if wanted else 1 - probabilities[name]
            for name, wanted in self.conditions.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """All of it in terms of JSON."""
        return {
            "task": self.task,
            "bits": self.bits,
            "query": self.query and self.query.as_dict(),
            "conditions": self.conditions,
            "threshold": self.threshold,
            "attribute_weight": self.attribute_weight,
            "matched": self.matched,
            "hits": [hit.as_dict() for hit in self.hits],
        }


def _in_words(name: str, wanted: bool) -> str:
    return name if wanted else f"not {name}"
