"""The two linear readings of a code: its category and its attributes."""

from torch import nn


class LinearHead(nn.Linear):
    """Logits of linear classifiers on r, which may be none at all.

    Weights and biases start uniformly in ±1/sqrt(k), as a linear layer of PyTorch does.
    """

    def reset_parameters(self) -> None:
        """Draws the parameters anew from torch's global generator."""
        bound = self.in_features**-0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)


class CategoryHead(LinearHead):
    """W^cls r + b^cls, the logits of the softmax over C categories (equation 2).

    Maps outputs r, (N, k), to logits (N, C). The weight is (C, k), the bias (C,).
    """


class AttributeHead(LinearHead):
    """W^attr r + b^attr, one logit for each of p attributes (equation 5).

    Maps outputs r, (N, k), to logits (N, p); sigmoid of a logit is the probability that the
    attribute is present. The weight is (p, k), the bias (p,).
    """
