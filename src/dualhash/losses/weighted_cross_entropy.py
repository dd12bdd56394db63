"""Cross entropy for attributes, plain, and weighted so that both values count the same."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dualhash.errors import DualhashError


@dataclass(frozen=True)
class AttributeCounts:
    """How many training labels of each attribute are positive and negative.

    Attributes:
        names: p attribute names.
        positives: N_p, (p,) int64: images labelled as having the attribute; at least 1.
        negatives: N_n, (p,) int64: images labelled as not having it; at least 1.

    Raises:
        DualhashError: An attribute has no positive or no negative label; the message names all
            of them.
    """

    names: tuple[str, ...]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]

    def __post_init__(self) -> None:
        problems = [
            f"{name!r} is never {value} among the training labels"
            for value, counts in (("present", self.positives), ("absent", self.negatives))
            for name, count in zip(self.names, counts, strict=True)
            if count == 0
        ]
        if problems:
            raise DualhashError(
                "An attribute needs training labels of both values, present and absent: "
                f"{'; '.join(problems)}. Label such images or leave the attribute out."
            )


def cross_entropy(logits: Tensor, attributes: Tensor) -> Tensor:
    """-[A log s + (1 - A) log(1 - s)] with s = sigmoid(z) (equation 5 without weights).

    Its minimum gives the share of images that have the attribute, so s is a probability.

    Args:
        logits: z, (N, p).
        attributes: A, (N, p), in [0, 1]: 1 present, 0 absent.

    Returns:
        (N, p), at least 0.
    """
    return functional.binary_cross_entropy_with_logits(logits, attributes, reduction="none")


def weighted_cross_entropy(
    logits: Tensor, attributes: Tensor, positive_weight: Tensor, negative_weight: Tensor
) -> Tensor:
    """-[w_p A log s + w_n (1 - A) log(1 - s)] with s = sigmoid(z) (equations 5 and 6).

    The paper prints a plus before the second logarithm. That is a misprint: it would reward wrong
    negatives.

    Args:
        logits: z, (N, p).
        attributes: A, (N, p), in [0, 1]: 1 present, 0 absent.
        positive_weight: w_p, (p,).
        negative_weight: w_n, (p,).

    Returns:
        (N, p), at least 0.
    """
    present = positive_weight * attributes * functional.logsigmoid(logits)
    absent = negative_weight * (1 - attributes) * functional.logsigmoid(-logits)
    return -(present + absent)


class WeightedCrossEntropy(nn.Module):
    """`weighted_cross_entropy` with w_p = N_n / (N_n + N_p) and w_n = N_p / (N_n + N_p).

    >>> loss = WeightedCrossEntropy(AttributeCounts(("red",), np.array([1]), np.array([3])))
    >>> loss(torch.zeros(2, 1), torch.tensor([[1.0], [0.0]]))  # 3/4 ln 2 and 1/4 ln 2
    tensor([[0.5199],
            [0.1733]])
    """

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
        """Returns losses (N, p); see `AttributeLoss`."""
        return weighted_cross_entropy(
            logits, attributes, self.positive_weight, self.negative_weight
        )
