"""Every loss by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dualhash.errors import DualhashError, look_up, nearest
from dualhash.losses.attribute_counts import AttributeCounts
from dualhash.losses.dnnh import DnnhLoss
from dualhash.losses.hashnet import HashNetLoss
from dualhash.losses.hinge import HingeLoss
from dualhash.losses.protocols import AttributeLoss, CategoryLoss
from dualhash.losses.softmax import SoftmaxLoss
from dualhash.losses.ssdh import SsdhLoss
from dualhash.losses.triplet import TripletLoss
from dualhash.losses.weighted_cross_entropy import WeightedCrossEntropy


@dataclass(frozen=True)
class CategoryLossEntry:
    """The description of a category loss.

    Attributes:
        name: How users call it.
        summary: What it is and where it comes from.
        build: Makes it with its paper's values, or with settings by name.
        settings: Names of its settings.
    """

    name: str
    summary: str
    build: Callable[..., CategoryLoss]
    settings: tuple[str, ...] = ()


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
            "triplet",
            "All triplets of a batch with a margin of 4 (equation 4).",
            TripletLoss,
            ("margin",),
        ),
        CategoryLossEntry(
            "ssdh",
            "Softmax, outputs pushed to 0 and 1 and half of them on (Yang et al. 2015).",
            SsdhLoss,
            ("push", "balance"),
        ),
        CategoryLossEntry(
            "hashnet",
            "Weighted likelihood of the pairs of a batch (Cao et al. 2017).",
            HashNetLoss,
            ("slope", "similar"),
        ),
        CategoryLossEntry(
            "dnnh",
            "All triplets of a batch by squared distance (Lai et al. 2015).",
            DnnhLoss,
            ("margin",),
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


NO_SETTINGS: Mapping[str, float] = MappingProxyType({})


def build_category_loss(name: str, settings: Mapping[str, float] = NO_SETTINGS) -> CategoryLoss:
    """The category loss of that name.

    Args:
        name: A key of `CATEGORY_LOSSES`.
        settings: In place of its paper's values.

    Raises:
        DualhashError: There is none, or it has no such setting; the message names the nearest.
    """
    return look_up("category loss", name, CATEGORY_LOSSES, settings).build(**settings)


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
