"""The training objectives: category losses, attribute losses and their weighted sum.

In: outputs of a network and labels, as torch tensors.
Out: losses to minimise.
May import: the packages up to `network`.
"""

from dualhash.losses.joint_loss import AttributeLoss, CategoryLoss, JointLoss, JointLossValue
from dualhash.losses.loss_registry import (
    ATTRIBUTE_LOSSES,
    CATEGORY_LOSSES,
    build_attribute_loss,
    build_category_loss,
)
from dualhash.losses.weighted_cross_entropy import AttributeCounts

__all__ = [
    "ATTRIBUTE_LOSSES",
    "CATEGORY_LOSSES",
    "AttributeCounts",
    "AttributeLoss",
    "CategoryLoss",
    "JointLoss",
    "JointLossValue",
    "build_attribute_loss",
    "build_category_loss",
]
