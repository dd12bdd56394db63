"""The losses by name."""

from collections.abc import Callable, Mapping

from dualhash.losses.cosine_margin import CosineMarginLoss
from dualhash.losses.dnnh import DnnhLoss
from dualhash.losses.hashnet import HashNetLoss
from dualhash.losses.hinge import hinge_loss
from dualhash.losses.joint_loss import AttributeLoss, CategoryLoss
from dualhash.losses.metric_learning import MetricLearningLoss, is_metric_learning_loss
from dualhash.losses.softmax import SoftmaxLoss
from dualhash.losses.ssdh import SsdhLoss
from dualhash.losses.triplet import TripletLoss
from dualhash.losses.weighted_cross_entropy import (
    AttributeCounts,
    WeightedCrossEntropy,
    cross_entropy,
)
from dualhash.registry import Registry

CATEGORY_LOSSES: Registry[Callable[..., CategoryLoss]] = Registry(
    "category loss",
    {
        "softmax": SoftmaxLoss,
        "triplet": TripletLoss,
        "ssdh": SsdhLoss,
        "hashnet": HashNetLoss,
        "dnnh": DnnhLoss,
        "cosine-margin": CosineMarginLoss,
    },
)
"""Category losses. Arguments of a class are the settings of the loss; defaults are those of its
paper."""

ATTRIBUTE_LOSSES: Registry[Callable[[AttributeCounts], AttributeLoss]] = Registry(
    "attribute loss",
    {
        "weighted-cross-entropy": WeightedCrossEntropy,
        "cross-entropy": lambda counts: cross_entropy,
        "hinge": lambda counts: hinge_loss,
    },
)
"""Attribute losses, built from the counts of labels."""


def build_category_loss(
    name: str,
    settings: Mapping[str, object] = {},
    *,
    bits: int | None = None,
    categories: int | None = None,
) -> CategoryLoss:
    """Builds a category loss.

    A loss with arguments `bits` and `categories` is given these numbers; pytorch-metric-learning
    calls them `embedding_size` and `num_classes`.

    Args:
        name: A key of `CATEGORY_LOSSES`, or the import path of a custom loss or of
            pytorch-metric-learning.
        settings: Values that replace the defaults, by name.
        bits: k, the number of outputs of the hash layer.
        categories: C.

    Raises:
        DualhashError: The loss or a setting does not exist; the message lists similar names.
    """
    loss = CATEGORY_LOSSES.build(
        name,
        settings,
        bits=bits,
        categories=categories,
        embedding_size=bits,
        num_classes=categories,
    )
    return MetricLearningLoss(loss) if is_metric_learning_loss(loss) else loss
