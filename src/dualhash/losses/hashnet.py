"""HashNet: the likelihood of which pairs are of one category, given their codes."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def pairwise_losses(outputs: Tensor, categories: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    """-log likelihood of every pair, and whether it is similar.

    log(1 + exp(t)) - s t with t = slope / k <h_i, h_j> and h = 2 r - 1, for i < j; s is 1 for
    images of one category.

    Args:
        outputs: (N, k), the binary-like codes r.
        categories: (N,) int64, all known.
        slope: Of the sigmoid, for codes of any length.

    Returns:
        (N (N - 1) / 2,) losses, at least 0, and (N (N - 1) / 2,) bool.
    """
    codes = 2 * outputs - 1
    products = slope / codes.shape[1] * codes @ codes.T
    i, j = torch.triu_indices(len(codes), len(codes), offset=1, device=codes.device)
    similar = categories[i] == categories[j]
    losses = functional.softplus(products[i, j]) - similar * products[i, j]
    return losses, similar


class HashNetLoss(nn.Module):
    """Mean loss of the similar pairs plus mean loss of the dissimilar ones.

    Source: Cao, Long, Wang and Yu, "HashNet: Deep Learning to Hash by Continuation" (ICCV 2017):
    weights |S| / |S_1| and |S| / |S_0| make the two kinds of pair weigh the same. The authors' code
    has two losses, which are combined here: the one it trains with has the slope alpha = 10 / k,
    but weighs similar pairs by a number given for the data set (1, 5 or 100); the other has the
    weights of the paper, divided by |S|, but no slope. Deviations: pairs are all those within a
    batch, where the authors pair two batches; without pairs of a kind its mean counts as 0.

    Args:
        slope: alpha k.
        similar: Weight of the similar pairs' mean.
    """

    def __init__(self, slope: float = 10.0, similar: float = 1.0) -> None:
        super().__init__()
        self.slope, self.similar = slope, similar

    def forward(self, outputs: Tensor, category_logits: Tensor, categories: Tensor) -> Tensor:
        """See `CategoryLoss`; it does not look at the logits."""
        known = categories >= 0
        losses, similar = pairwise_losses(outputs[known], categories[known], self.slope)
        alike = (losses * similar).sum() / similar.sum().clamp(min=1)
        different = (losses * ~similar).sum() / (~similar).sum().clamp(min=1)
        return self.similar * alike + different
