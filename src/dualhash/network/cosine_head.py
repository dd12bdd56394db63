"""A category head that compares directions, for the cosine-margin loss."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class CosineHead(nn.Module):
    """Logits s cos(2 r - 1, w_c) of C categories.

    On bits the vectors 2 r - 1 all have the length sqrt(k), so the logits are linear in the bits;
    `linear` gives that linear head.

    Args:
        bits: k.
        categories: C, may be 0.
        scale: s, above 0.
    """

    def __init__(self, bits: int, categories: int, scale: float = 16.0) -> None:
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(torch.randn(categories, bits))

    def forward(self, outputs: Tensor) -> Tensor:
        """Returns logits (N, C) in [-s, s] of outputs r (N, k)."""
        directions = functional.normalize(self.weight, dim=1)
        return self.scale * functional.linear(
            functional.normalize(2 * outputs - 1, dim=1), directions
        )

    def linear(self) -> tuple[Tensor, Tensor]:
        """Returns the weight (C, k) and bias (C,) of the linear head that equals it on bits."""
        weight = functional.normalize(self.weight.detach(), dim=1) * (
            self.scale / self.weight.shape[1] ** 0.5
        )
        return 2 * weight, -weight.sum(dim=1)
