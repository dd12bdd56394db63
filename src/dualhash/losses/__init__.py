"""The training objectives: category losses, attribute losses and their weighted sum.

In: outputs of a network and labels, as torch tensors.
Out: losses to minimise.
May import: the packages up to `network`.

Each loss works alone, on plain tensors: `TripletLoss()(codes, categories)`.
"""

from dualhash.losses.cosine_margin import CosineMarginLoss
from dualhash.losses.dnnh import DnnhLoss
from dualhash.losses.hashnet import HashNetLoss
from dualhash.losses.hinge import hinge_loss
from dualhash.losses.joint_loss import AttributeLoss, CategoryLoss, JointLoss, JointLossValue
from dualhash.losses.loss_registry import (
    ATTRIBUTE_LOSSES,
    CATEGORY_LOSSES,
    build_category_loss,
)
from dualhash.losses.metric_learning import MetricLearningLoss
from dualhash.losses.softmax import SoftmaxLoss, softmax_loss
from dualhash.losses.ssdh import SsdhLoss
from dualhash.losses.triplet import TripletLoss
from dualhash.losses.weighted_cross_entropy import (
    AttributeCounts,
    WeightedCrossEntropy,
    cross_entropy,
)

__all__ = [
    "ATTRIBUTE_LOSSES",
    "CATEGORY_LOSSES",
    "AttributeCounts",
    "AttributeLoss",
    "CategoryLoss",
    "CosineMarginLoss",
    "DnnhLoss",
    "HashNetLoss",
    "JointLoss",
    "JointLossValue",
    "MetricLearningLoss",
    "SoftmaxLoss",
    "SsdhLoss",
    "TripletLoss",
    "WeightedCrossEntropy",
    "build_category_loss",
    "cross_entropy",
    "hinge_loss",
    "softmax_loss",
]
