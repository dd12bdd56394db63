"""The pairwise loss of HashNet."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def pairwise_losses(outputs: Tensor, categories: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    """Negative log likelihood of the similarity of each pair of images i < j.

    log(1 + exp(t)) - s t with t = slope / k <h_i, h_j> and h = 2 r - 1; the similarity s is 1 if
    the categories are equal, else 0.

    Args:
        outputs: Outputs r of the hash layer, (N, k).
        categories: (N,) int64, none missing.
        slope: Slope of the sigmoid, independent of the length of the code.

    Returns:
        Losses (N (N - 1) / 2,), at least 0, and similarities (N (N - 1) / 2,) bool.
    """
    codes = 2 * outputs - 1
    products = slope / codes.shape[1] * codes @ codes.T
    i, j = torch.triu_indices(len(codes), len(codes), offset=1, device=codes.device)
    similar = categories[i] == categories[j]
    losses = functional.softplus(products[i, j]) - similar * products[i, j]
    return losses, similar


class HashNetLoss(nn.Module):
    """L = similar * mean loss of similar pairs + mean loss of dissimilar pairs.

    Source: Cao, Long, Wang and Yu, "HashNet: Deep Learning to Hash by Continuation" (ICCV 2017).
    Its weights |S| / |S_1| and |S| / |S_0| give both kinds of pair the same weight. The authors'
    code has two losses. The one used for training has the slope alpha = 10 / k, but weighs similar
    pairs by a constant of the data set (1, 5 or 100). The other has the weights of the paper,
    divided by |S|, but no slope. This loss combines slope and weights.

    Deviations: pairs are formed within a batch; the authors pair two batches. The mean over no
    pairs is 0.

    Args:
        slope: alpha * k.
        similar: Weight of the similar pairs.

    >>> outputs = torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    >>> loss = HashNetLoss()
    >>> bool(loss(outputs, torch.tensor([0, 0, 1])) < loss(outputs, torch.tensor([0, 1, 0])))
    True
    """

    def __init__(self, slope: float = 10.0, similar: float = 1.0) -> None:
        super().__init__()
        self.slope, self.similar = slope, similar

    def forward(
        self, outputs: Tensor, categories: Tensor, category_logits: Tensor | None = None
    ) -> Tensor:
        """Returns a scalar; see `CategoryLoss`. Logits are not used."""
        known = categories >= 0
        losses, similar = pairwise_losses(outputs[known], categories[known], self.slope)
        similar_mean = (losses * similar).sum() / similar.sum().clamp(min=1)
        dissimilar_mean = (losses * ~similar).sum() / (~similar).sum().clamp(min=1)
        return self.similar * similar_mean + dissimilar_mean
