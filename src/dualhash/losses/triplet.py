"""Metric learning: images of one category are closer than others, by a margin."""

import torch
from torch import Tensor, nn


def triplet_sums(
    outputs: Tensor, categories: Tensor, margin: float, *, squared: bool = False
) -> tuple[Tensor, Tensor]:
    """The sum of each anchor's triplet losses (equation 4), and how many triplets it has.

    For the anchor i, over all j != i of the same category and all k of another one,
    max(D(r_i, r_j) + m - D(r_i, r_k), 0), with D Euclidean. The paper prints a comma for the minus.
    The distance of equal outputs has the gradient 0.

    Args:
        outputs: (N, k), the binary-like codes r.
        categories: (N,) int64, all known.
        margin: m, in units of D, which is at most sqrt(k).
        squared: Whether D is the squared distance instead.

    Returns:
        Sums (N,), at least 0, and numbers of triplets (N,) int64.
    """
    distances = torch.cdist(outputs, outputs, compute_mode="donot_use_mm_for_euclid_dist")
    if squared:
        distances = distances.square()
    same = categories[:, None] == categories[None, :]
    itself = torch.eye(len(outputs), dtype=torch.bool, device=outputs.device)
    positive = same & ~itself
    terms = (distances[:, :, None] + margin - distances[:, None, :]).clamp(min=0)
    valid = positive[:, :, None] & ~same[:, None, :]
    return (terms * valid).sum(dim=(1, 2)), valid.sum(dim=(1, 2))


class TripletLoss(nn.Module):
    """Mean over the images with a category of the mean over each one's valid triplets.

    Deviation: the paper adds up each anchor's triplets; this divides by their number, so that the
    loss, and with it alpha and the learning rate, does not grow with the square of the batch. An
    anchor without a valid triplet contributes 0.

    Args:
        margin: m; the paper's value is 4 (section 4.1).
    """

    def __init__(self, margin: float = 4.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, outputs: Tensor, category_logits: Tensor, categories: Tensor) -> Tensor:
        """See `CategoryLoss`; it does not look at the logits."""
        known = categories >= 0
        sums, triplets = triplet_sums(outputs[known], categories[known], self.margin)
        return (sums / triplets.clamp(min=1)).sum() / known.sum().clamp(min=1)
