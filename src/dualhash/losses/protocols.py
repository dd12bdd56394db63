"""What a category loss and an attribute loss are given and give back."""

from typing import Protocol

from torch import Tensor


class CategoryLoss(Protocol):
    """The category term of a batch of N images."""

    def __call__(self, outputs: Tensor, category_logits: Tensor, categories: Tensor) -> Tensor:
        """The loss, a scalar, averaged over the images that have a category.

        Args:
            outputs: (N, k) in [0, 1], the binary-like codes r, for losses on distances.
            category_logits: (N, C), for losses on classification.
            categories: (N,) int64, -1 where missing; such images take no part.

        Returns:
            A scalar that can be differentiated; 0 if no image has a category.
        """
        ...


class AttributeLoss(Protocol):
    """The attribute term of each image and attribute; `JointLoss` masks and averages it."""

    def __call__(self, logits: Tensor, attributes: Tensor) -> Tensor:
        """The loss of each label as if it were known.

        Args:
            logits: (N, p).
            attributes: (N, p), 1 present, 0 absent, of the type of `logits`.

        Returns:
            (N, p), at least 0.
        """
        ...
