"""The triplet loss for categories."""

import torch
from torch import Tensor, nn


def triplet_sums(
    outputs: Tensor, categories: Tensor, margin: float, *, squared: bool = False
) -> tuple[Tensor, Tensor]:
    """Sums the triplet losses of each anchor i (equation 4).

    The sum of max(D(r_i, r_j) + m - D(r_i, r_l), 0) over all j != i of the same category and all
    l of another category; D is the Euclidean distance. (The paper prints a comma instead of the
    minus.) The gradient of the distance of equal outputs is 0.

    Args:
        outputs: Outputs r of the hash layer, (N, k).
        categories: (N,) int64, none missing.
        margin: m, in units of D. The Euclidean distance is at most sqrt(k).
        squared: Use the squared Euclidean distance as D.

    Returns:
        Sums (N,), at least 0, and numbers of triplets (N,) int64.
    """
    distances = torch.cdist(outputs, outputs, compute_mode="donot_use_mm_for_euclid_dist")
    if squared:
        distances = distances.square()
    same = categories[:, None] == categories[None, :]
    positive = same & ~torch.eye(len(outputs), dtype=torch.bool, device=outputs.device)
    terms = (distances[:, :, None] + margin - distances[:, None, :]).clamp(min=0)
    valid = positive[:, :, None] & ~same[:, None, :]
    return (terms * valid).sum(dim=(1, 2)), valid.sum(dim=(1, 2))


class TripletLoss(nn.Module):
    """Mean triplet loss of each anchor, averaged over the images that have a category.

    Deviation: the paper sums the triplets of each anchor. Here the sum is divided by their number,
    so that the loss, and with it alpha and the learning rate, does not grow with the square of
    the batch size. The loss of an anchor without a valid triplet is 0.

    Args:
        margin: m. The paper uses 4 (section 4.1).

    >>> outputs = torch.tensor([[0.0], [0.0], [1.0], [1.0]])
    >>> TripletLoss(margin=1.5)(outputs, torch.tensor([0, 0, 1, 1]))
    tensor(0.5000)
    """

    squared = False

    def __init__(self, margin: float = 4.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(
        self, outputs: Tensor, categories: Tensor, category_logits: Tensor | None = None
    ) -> Tensor:
        """Returns a scalar; see `CategoryLoss`. Logits are not used."""
        known = categories >= 0
        sums, triplets = triplet_sums(
            outputs[known], categories[known], self.margin, squared=self.squared
        )
        return (sums / triplets.clamp(min=1)).sum() / known.sum().clamp(min=1)
