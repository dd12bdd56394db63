"""What a comparison method is: what it needs, what it can answer, and how it is fitted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dualhash.baselines.hash_function import HashFunction
from dualhash.catalogue.catalogue import MISSING
from dualhash.codes.linear_head import LinearHead
from dualhash.errors import DualhashError
from dualhash.evaluation.true_labels import TrueLabels

Answer = Literal["category", "attribute", "combined"]
LabelKind = Literal["category", "attribute", "both", "joint"]

Report = Callable[[int, int], None]
"""Called with how many steps are done and how many there are in all."""


def unwatched(_done: int, _total: int) -> None:
    """Where nobody looks at the progress."""


@dataclass(frozen=True, eq=False)
class Features:
    """What a shallow method learns from.

    Attributes:
        values: (N, d) float32, L2-normalised features of the shared pretrained backbone; for a
            `HeadMethod` the bits 0 and 1 of N codes.
        labels: Of the N images, as far as training may see them.
    """

    values: NDArray[np.float32]
    labels: TrueLabels

    def with_category(self) -> "Features":
        """Those of the images whose category is known.

        Raises:
            DualhashError: They have fewer than two categories.
        """
        rows = np.flatnonzero(self.labels.categories != MISSING)
        if len(np.unique(self.labels.categories[rows])) < 2:
            raise DualhashError(
                "This method learns from categories, and the images it may train on have fewer "
                "than two. Label more of train-both and train-category."
            )
        return self.take(rows)

    def take(self, rows: NDArray[np.integer]) -> "Features":
        """Those of the images `rows`."""
        return Features(self.values[rows], TrueLabels(*(part[rows] for part in self.labels)))


class Fit(Protocol):
    """How a hash function is learned from features."""

    def __call__(
        self,
        features: Features,
        bits: int,
        generator: np.random.Generator,
        report: Report = unwatched,
    ) -> HashFunction:
        """A hash function of that many bits, or of as many as the attributes need.

        Raises:
            DualhashError: The method has no code of that length, or the labels do not suffice.
        """


class FitHead(Protocol):
    """How attributes are learned from the codes of another model."""

    def __call__(self, codes: Features, report: Report = unwatched) -> LinearHead:
        """One output an attribute; their names are their numbers."""


@dataclass(frozen=True)
class Method:
    """The description of a comparison method.

    Attributes:
        name: How users call it.
        title: How tables call it.
        paper: Its source, in short.
        year: Of that paper.
        answers: The kinds of search that it is made for.
        labels: The images it trains on: "category" for train-both and train-category, "attribute"
            for train-both and train-attribute, "both" for all, "joint" for train-both alone.
        bits: A sentence on the code lengths it takes.
    """

    name: str
    title: str
    paper: str
    year: int
    answers: frozenset[Answer]
    labels: LabelKind
    bits: str


@dataclass(frozen=True)
class ShallowMethod(Method):
    """A method on features of a network that stays as it is.

    Attributes:
        fit: Learns the hash function.
    """

    fit: Fit


@dataclass(frozen=True)
class HeadMethod(Method):
    """A method that reads attributes from the codes of a model that is there.

    Attributes:
        base: Name of the method whose codes they are.
        fit: Learns the attribute head.
    """

    base: str
    fit: FitHead
