"""DNNH: triplets by squared distance."""

from torch import Tensor, nn

from dualhash.losses.triplet import triplet_sums


class DnnhLoss(nn.Module):
    """Mean over the images with a category of the mean over each one's valid triplets.

    max(0, |r - r_same|^2 - |r - r_other|^2 + m).
    Source: Lai, Pan, Liu and Yan, "Simultaneous Feature Learning and Hash Coding with Deep Neural
    Networks" (CVPR 2015), where m is 1. Deviation: the triplets are all of a batch,
    where the authors draw triplets at random.

    Args:
        margin: m, in units of squared distance, which is at most k.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, outputs: Tensor, category_logits: Tensor, categories: Tensor) -> Tensor:
        """See `CategoryLoss`; it does not look at the logits."""
        known = categories >= 0
        sums, triplets = triplet_sums(outputs[known], categories[known], self.margin, squared=True)
        return (sums / triplets.clamp(min=1)).sum() / known.sum().clamp(min=1)
