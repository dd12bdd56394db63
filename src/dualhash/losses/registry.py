"""Every loss by its name."""

from collections.abc import Callable
from dataclasses import dataclass

from dualhash.errors import DualhashError, nearest
from dualhash.losses.attribute_counts import AttributeCounts
from dualhash.losses.hinge import HingeLoss
from dualhash.losses.protocols import AttributeLoss, CategoryLoss
from dualhash.losses.softmax import SoftmaxLoss
from dualhash.losses.triplet import TripletLoss
from dualhash.losses.weighted_cross_entropy import WeightedCrossEntropy


@dataclass(frozen=True)
class CategoryLossEntry:
    """The description of a category loss.

    Attributes:
        name: How users call it.
        summary: What it is and where it comes from.
        build: Makes it with the paper's values.
    """

    name: str
    summary: str
    build: Callable[[], CategoryLoss]


@dataclass(frozen=True)
class AttributeLossEntry:
    """The description of an attribute loss.

    Attributes:
        name: How users call it.
        summary: What it is and where it comes from.
        build: Makes it for attributes with these counts.
    """

    name: str
    summary: str
    build: Callable[[AttributeCounts], AttributeLoss]


CATEGORY_LOSSES: dict[str, CategoryLossEntry] = {
    entry.name: entry
    for entry in (
        CategoryLossEntry("softmax", "Softmax cross entropy (equation 2).", SoftmaxLoss),
        CategoryLossEntry(
            "triplet", "All triplets of a batch with a margin of 4 (equation 4).", TripletLoss
        ),
    )
}

ATTRIBUTE_LOSSES: dict[str, AttributeLossEntry] = {
    entry.name: entry
    for entry in (
        AttributeLossEntry(
            "weighted-cross-entropy",
            "Sigmoid cross entropy, weighted by the counts of both labels (equation 6).",
            WeightedCrossEntropy,
        ),
        AttributeLossEntry("hinge", "Hinge loss (equation 7).", lambda counts: HingeLoss()),
    )
}


def build_category_loss(name: str) -> CategoryLoss:
    """The category loss of that name.

    Raises:
        DualhashError: There is none; the message names the nearest.
    """
    if name not in CATEGORY_LOSSES:
        raise DualhashError(f"There is no category loss {name!r}. {nearest(name, CATEGORY_LOSSES)}")
    return CATEGORY_LOSSES[name].build()


def build_attribute_loss(name: str, counts: AttributeCounts) -> AttributeLoss:
    """The attribute loss of that name, for attributes with these counts.

    Raises:
        DualhashError: There is none; the message names the nearest.
    """
    if name not in ATTRIBUTE_LOSSES:
        raise DualhashError(
            f"There is no attribute loss {name!r}. {nearest(name, ATTRIBUTE_LOSSES)}"
        )
    return ATTRIBUTE_LOSSES[name].build(counts)
