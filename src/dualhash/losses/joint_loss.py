"""The objective: what categories and attributes cost together."""

from typing import NamedTuple

from torch import Tensor, nn

from dualhash.losses.protocols import AttributeLoss, CategoryLoss


def attribute_means(losses: Tensor, observed: Tensor) -> Tensor:
    """Each attribute's mean loss over the images labelled for it (equation 8).

    Args:
        losses: (N, p).
        observed: (N, p) bool, whether the label is known; the losses of others are not looked at.

    Returns:
        (p,); 0 for an attribute that no image is labelled for.
    """
    return losses.where(observed, 0).sum(dim=0) / observed.sum(dim=0).clamp(min=1)


class JointLossValue(NamedTuple):
    """The objective of a batch and its parts, scalars.

    Attributes:
        total: category + alpha * attribute.
        category: Mean over the images with a category.
        attribute: Sum over the attributes of their means; not yet multiplied by alpha.
    """

    total: Tensor
    category: Tensor
    attribute: Tensor


class JointLoss(nn.Module):
    """Mean category loss + alpha * sum over attributes of their mean losses (equation 8).

    Any category loss goes with any attribute loss.

    Args:
        category_loss: Averages over the images that have a category.
        attribute_loss: Gives the loss of each image and attribute.
        alpha: The weight of the attributes, at least 0; 0.1 on the paper's data.
    """

    def __init__(
        self, category_loss: CategoryLoss, attribute_loss: AttributeLoss, alpha: float
    ) -> None:
        super().__init__()
        self.category_loss = category_loss
        self.attribute_loss = attribute_loss
        self.alpha = alpha

    def forward(
        self,
        output: tuple[Tensor, Tensor, Tensor],
        categories: Tensor,
        attributes: Tensor,
        observed: Tensor,
    ) -> JointLossValue:
        """The loss of N images, of which each may lack any of its labels.

        Args:
            output: The network's output: outputs (N, k) in [0, 1], category logits (N, C) and
                attribute logits (N, p).
            categories: (N,) int64, -1 where missing.
            attributes: (N, p) float, 1 present, 0 absent, anything finite where missing.
            observed: (N, p) bool, whether the attribute's label is known.
        """
        outputs, category_logits, attribute_logits = output
        category = self.category_loss(outputs, category_logits, categories)
        losses = self.attribute_loss(attribute_logits, attributes)
        attribute = attribute_means(losses, observed).sum()
        return JointLossValue(category + self.alpha * attribute, category, attribute)
