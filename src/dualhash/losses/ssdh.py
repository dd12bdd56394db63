"""SSDH: categories told from codes that are nearly binary and half on."""

from torch import Tensor, nn

from dualhash.losses.softmax import softmax_loss


def undecided(outputs: Tensor) -> Tensor:
    """-1/2 of the mean of (r - 0.5)^2 over outputs (N, k); in [-1/8, 0], least where binary."""
    return -(outputs - 0.5).square().mean() / 2


def unbalance(outputs: Tensor) -> Tensor:
    """1/2 of the mean over images of (mean of an image's outputs - 0.5)^2; in [0, 1/8]."""
    return (outputs.mean(dim=1) - 0.5).square().mean() / 2


class SsdhLoss(nn.Module):
    """Softmax loss, a push of outputs towards 0 and 1, and half of each image's bits on.

    Source: Yang, Lin and Chen, "Supervised Learning of Semantics-Preserving Hash via Deep
    Convolutional Neural Networks" (2015), with the constants of the authors' Caffe layers, where
    all three terms have the weight 1. All are means over the images that have a category.

    Args:
        push: Weight of the push.
        balance: Weight of the balance.
    """

    def __init__(self, push: float = 1.0, balance: float = 1.0) -> None:
        super().__init__()
        self.push, self.balance = push, balance

    def forward(self, outputs: Tensor, category_logits: Tensor, categories: Tensor) -> Tensor:
        """See `CategoryLoss`."""
        known = categories >= 0
        loss = softmax_loss(category_logits, categories)
        if not known.any():
            return loss
        seen = outputs[known]
        return loss + self.push * undecided(seen) + self.balance * unbalance(seen)
