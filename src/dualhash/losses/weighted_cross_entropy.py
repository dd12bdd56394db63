"""Attributes as logistic regressions in which both kinds of label weigh the same."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dualhash.losses.attribute_counts import AttributeCounts


def weighted_cross_entropy(
    logits: Tensor, attributes: Tensor, positive_weight: Tensor, negative_weight: Tensor
) -> Tensor:
    """-[w_p A log s + w_n (1 - A) log(1 - s)] with s = sigmoid(z) (equations 5 and 6).

    The paper prints a plus before the second logarithm, which would reward wrong negatives.

    Args:
        logits: z, (N, p).
        attributes: A, (N, p), 1 present, 0 absent.
        positive_weight: w_p, (p,).
        negative_weight: w_n, (p,).

    Returns:
        (N, p), at least 0.
    """
    present = positive_weight * attributes * functional.logsigmoid(logits)
    absent = negative_weight * (1 - attributes) * functional.logsigmoid(-logits)
    return -(present + absent)


class WeightedCrossEntropy(nn.Module):
    """`weighted_cross_entropy` with w_p = N_n / (N_n + N_p) and w_n = N_p / (N_n + N_p)."""

    positive_weight: Tensor
    negative_weight: Tensor

    def __init__(self, counts: AttributeCounts) -> None:
        super().__init__()
        positives = torch.as_tensor(counts.positives, dtype=torch.float64)
        negatives = torch.as_tensor(counts.negatives, dtype=torch.float64)
        labels = positives + negatives
        self.register_buffer("positive_weight", (negatives / labels).float())
        self.register_buffer("negative_weight", (positives / labels).float())

    def forward(self, logits: Tensor, attributes: Tensor) -> Tensor:
        """See `AttributeLoss`."""
        return weighted_cross_entropy(
            logits, attributes, self.positive_weight, self.negative_weight
        )
