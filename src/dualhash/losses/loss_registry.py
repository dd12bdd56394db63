"""The losses by name."""

from collections.abc import Callable, Mapping

from dualhash.errors import look_up
from dualhash.losses.cosine_margin import CosineMarginLoss
from dualhash.losses.dnnh import DnnhLoss
from dualhash.losses.hashnet import HashNetLoss
from dualhash.losses.hinge import hinge_loss
from dualhash.losses.joint_loss import AttributeLoss, CategoryLoss
from dualhash.losses.softmax import SoftmaxLoss
from dualhash.losses.ssdh import SsdhLoss
from dualhash.losses.triplet import TripletLoss
from dualhash.losses.weighted_cross_entropy import AttributeCounts, WeightedCrossEntropy

CATEGORY_LOSSES: dict[str, Callable[..., CategoryLoss]] = {
    "softmax": SoftmaxLoss,
    "triplet": TripletLoss,
    "ssdh": SsdhLoss,
    "hashnet": HashNetLoss,
    "dnnh": DnnhLoss,
    "cosine-margin": CosineMarginLoss,
}
"""Category losses. Arguments of a class are the settings of the loss; defaults are those of its
paper."""

ATTRIBUTE_LOSSES: dict[str, Callable[[AttributeCounts], AttributeLoss]] = {
    "weighted-cross-entropy": WeightedCrossEntropy,
    "hinge": lambda counts: hinge_loss,
}
"""Attribute losses, built from the counts of labels."""


def build_category_loss(name: str, settings: Mapping[str, float] = {}) -> CategoryLoss:
    """Builds a category loss.

    Args:
        name: A key of `CATEGORY_LOSSES`.
        settings: Values that replace the paper's, by name.

    Raises:
        DualhashError: The loss or a setting does not exist; the message lists similar names.
    """
    return look_up("category loss", name, CATEGORY_LOSSES, settings)(**settings)


def build_attribute_loss(name: str, counts: AttributeCounts) -> AttributeLoss:
    """Builds an attribute loss.

    Args:
        name: A key of `ATTRIBUTE_LOSSES`.
        counts: How many training labels of each attribute are positive and negative.

    Raises:
        DualhashError: The loss does not exist; the message lists similar names.
    """
    return look_up("attribute loss", name, ATTRIBUTE_LOSSES)(counts)
