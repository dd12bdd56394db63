"""The hinge loss for attributes."""

from torch import Tensor


def hinge_loss(logits: Tensor, attributes: Tensor) -> Tensor:
    """max(1 - (2A - 1) z, 0) (equation 7).

    Args:
        logits: z, (N, p).
        attributes: A, (N, p), 1 present, 0 absent.

    Returns:
        (N, p), at least 0.

    >>> import torch
    >>> hinge_loss(torch.tensor([[0.25, 2.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([[0.7500, 3.0000]])
    """
    return (1 - (2 * attributes - 1) * logits).clamp(min=0)
