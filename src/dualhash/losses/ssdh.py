"""The loss of SSDH: softmax cross entropy on outputs that are nearly binary and balanced."""

from torch import Tensor, nn

from dualhash.losses.softmax import softmax_loss


def binarisation_loss(outputs: Tensor) -> Tensor:
    """-1/2 mean((r - 0.5)^2) over outputs r (N, k); in [-1/8, 0], lowest if all are 0 or 1."""
    return -(outputs - 0.5).square().mean() / 2


def balance_loss(outputs: Tensor) -> Tensor:
    """1/2 mean over images of (mean(r_i) - 0.5)^2, r_i being the k outputs of image i; [0, 1/8]."""
    return (outputs.mean(dim=1) - 0.5).square().mean() / 2


class SsdhLoss(nn.Module):
    """L = softmax loss + push * binarisation loss + balance * balance loss.

    The second term pushes outputs towards 0 and 1, the third makes half of the bits of each image
    1. All terms are means over the images that have a category.

    Source: Yang, Lin and Chen, "Supervised Learning of Semantics-Preserving Hash via Deep
    Convolutional Neural Networks" (2015). Constants are those of the authors' Caffe layers, which
    weigh all three terms by 1.

    Args:
        push: Weight of the binarisation loss.
        balance: Weight of the balance loss.

    >>> import torch
    >>> codes, logits = torch.tensor([[0.0, 1.0]]), torch.zeros(1, 2)
    >>> SsdhLoss()(codes, torch.tensor([0]), logits)  # ln 2 - 1/8
    tensor(0.5681)
    """

    def __init__(self, push: float = 1.0, balance: float = 1.0) -> None:
        super().__init__()
        self.push, self.balance = push, balance

    def forward(self, outputs: Tensor, categories: Tensor, category_logits: Tensor) -> Tensor:
        """Returns a scalar; see `CategoryLoss`."""
        loss = softmax_loss(category_logits, categories)
        labelled = outputs[categories >= 0]
        if not len(labelled):
            return loss
        return (
            loss + self.push * binarisation_loss(labelled) + self.balance * balance_loss(labelled)
        )
