"""The triplet loss of DNNH, on squared distances."""

from dualhash.losses.triplet import TripletLoss


class DnnhLoss(TripletLoss):
    """max(0, |r_i - r_j|^2 - |r_i - r_l|^2 + m), averaged as in `TripletLoss`.

    Source: Lai, Pan, Liu and Yan, "Simultaneous Feature Learning and Hash Coding with Deep Neural
    Networks" (CVPR 2015), which uses m = 1. Deviation: all triplets of a batch are used; the
    authors draw triplets at random.

    Args:
        margin: m, in units of squared distance. The squared distance is at most k.

    >>> import torch
    >>> outputs = torch.tensor([[0.0], [0.0], [0.5]])
    >>> DnnhLoss()(outputs, torch.tensor([0, 0, 1]))  # each of two anchors: 0 - 0.25 + 1
    tensor(0.5000)
    """

    squared = True

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__(margin)
