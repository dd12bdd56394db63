"""Classification: the category can be read linearly from the code."""

from torch import Tensor, nn
from torch.nn import functional


def softmax_loss(logits: Tensor, categories: Tensor) -> Tensor:
    """Mean softmax cross entropy over the images that have a category (equations 2 and 8).

    Args:
        logits: (N, C).
        categories: (N,) int64, -1 where missing; such images take no part.

    Returns:
        A scalar, at least 0; 0 if no image has a category.
    """
    labelled = (categories >= 0).sum()
    total = functional.cross_entropy(logits, categories, ignore_index=-1, reduction="sum")
    return total / labelled.clamp(min=1)


class SoftmaxLoss(nn.Module):
    """`softmax_loss` as a category loss; it does not look at the outputs."""

    def forward(self, outputs: Tensor, category_logits: Tensor, categories: Tensor) -> Tensor:
        """See `CategoryLoss`."""
        return softmax_loss(category_logits, categories)
