"""What is minimised: category losses, attribute losses, and their sum."""

from dualhash.losses.joint_loss import JointLoss, JointLossValue
from dualhash.losses.registry import (
    ATTRIBUTE_LOSSES,
    CATEGORY_LOSSES,
    AttributeLossEntry,
    CategoryLossEntry,
    build_attribute_loss,
    build_category_loss,
)

__all__ = [
    "ATTRIBUTE_LOSSES",
    "CATEGORY_LOSSES",
    "AttributeLossEntry",
    "CategoryLossEntry",
    "JointLoss",
    "JointLossValue",
    "build_attribute_loss",
    "build_category_loss",
]
