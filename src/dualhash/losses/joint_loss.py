"""The objective of training: category loss plus weighted attribute losses (equation 8)."""

from typing import NamedTuple, Protocol

from torch import Tensor, nn


class CategoryLoss(Protocol):
    """The category loss of a batch of N images."""

    def __call__(self, outputs: Tensor, categories: Tensor, category_logits: Tensor) -> Tensor:
        """Returns the mean loss of the images that have a category.

        Args:
            outputs: Outputs r of the hash layer, (N, k) in [0, 1]; used by losses on distances.
            categories: (N,) int64; -1 if missing. Such images are ignored.
            category_logits: (N, C); used by classification losses.

        Returns:
            A scalar; 0 if no image has a category.
        """
        ...


class AttributeLoss(Protocol):
    """The attribute loss of each image and attribute. `JointLoss` masks and averages it."""

    def __call__(self, logits: Tensor, attributes: Tensor) -> Tensor:
        """Returns the loss of every label, as if none were missing.

        Args:
            logits: (N, p).
            attributes: (N, p), 1 present, 0 absent, dtype of `logits`.

        Returns:
            (N, p), at least 0.
        """
        ...


def attribute_means(losses: Tensor, observed: Tensor) -> Tensor:
    """Averages the losses of each attribute over the images labelled for it (equation 8).

    Args:
        losses: (N, p).
        observed: (N, p) bool; False where the label is missing. Those losses are ignored.

    Returns:
        (p,); 0 for an attribute without labels.
    """
    return losses.where(observed, 0).sum(dim=0) / observed.sum(dim=0).clamp(min=1)


class JointLossValue(NamedTuple):
    """The objective of a batch and its terms, as scalars.

    Attributes:
        total: category + alpha * attribute.
        category: Mean over the images that have a category.
        attribute: Sum over attributes of their means, before the multiplication by alpha.
    """

    total: Tensor
    category: Tensor
    attribute: Tensor


class JointLoss(nn.Module):
    """L = mean category loss + alpha * sum over attributes of their mean losses (equation 8).

    Any category loss can be combined with any attribute loss.

    Args:
        category_loss: The category loss.
        attribute_loss: The attribute loss.
        alpha: Weight of the attributes, at least 0. The paper uses 0.1.

    >>> import torch
    >>> from dualhash.losses import TripletLoss, hinge_loss
    >>> codes, categories = torch.tensor([[0.0], [0.0], [1.0]]), torch.tensor([0, 0, 1])
    >>> logits, attributes = torch.zeros(3, 1), torch.ones(3, 1)
    >>> loss = JointLoss(TripletLoss(margin=1.0), hinge_loss, alpha=0.1)
    >>> loss((codes, torch.empty(3, 0), logits), categories, attributes, attributes > 0).total
    tensor(0.1000)
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
        """Returns the loss of N images. Any label may be missing.

        Args:
            output: Output of the network: outputs (N, k) in [0, 1], category logits (N, C) and
                attribute logits (N, p).
            categories: (N,) int64; -1 if missing.
            attributes: (N, p) float, 1 present, 0 absent, any finite value if missing.
            observed: (N, p) bool; False if the label is missing.
        """
        outputs, category_logits, attribute_logits = output
        category = self.category_loss(outputs, categories, category_logits)
        losses = self.attribute_loss(attribute_logits, attributes)
        attribute = attribute_means(losses, observed).sum()
        return JointLossValue(category + self.alpha * attribute, category, attribute)
