"""The softmax cross entropy for categories."""

from torch import Tensor, nn
from torch.nn import functional


def softmax_loss(logits: Tensor, categories: Tensor) -> Tensor:
    """-log softmax(z)_c, averaged over the images that have a category c (equations 2 and 8).

    Args:
        logits: z, (N, C).
        categories: (N,) int64; -1 if missing. Such images are ignored.

    Returns:
        A scalar, at least 0; 0 if no image has a category.
    """
    labelled = (categories >= 0).sum()
    total = functional.cross_entropy(logits, categories, ignore_index=-1, reduction="sum")
    return total / labelled.clamp(min=1)


class SoftmaxLoss(nn.Module):
    """`softmax_loss` as a `CategoryLoss`; uses only the category logits.

    >>> import torch
    >>> codes, logits = torch.rand(2, 8), torch.zeros(2, 4)
    >>> SoftmaxLoss()(codes, torch.tensor([3, -1]), logits)  # ln 4, from the labelled image
    tensor(1.3863)
    """

    def forward(self, outputs: Tensor, categories: Tensor, category_logits: Tensor) -> Tensor:
        """Returns a scalar; see `CategoryLoss`."""
        return softmax_loss(category_logits, categories)
