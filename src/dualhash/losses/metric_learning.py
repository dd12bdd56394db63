"""The losses of pytorch-metric-learning as category losses."""

from typing import Any, TypeGuard

from torch import Tensor, nn


class MetricLearningLoss(nn.Module):
    """A loss of pytorch-metric-learning on the vectors 2 r - 1.

    Most of its losses compare directions. For codes, the cosine of these vectors is an affine
    function of the Hamming distance, by which category search ranks.

    Args:
        loss: Called with embeddings (N, k) and labels (N,).
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(
        self, outputs: Tensor, categories: Tensor, category_logits: Tensor | None = None
    ) -> Tensor:
        """Returns a scalar; see `CategoryLoss`. Logits are not used."""
        known = categories >= 0
        if not known.any():
            return 0 * outputs.sum()
        value: Tensor = self.loss(2 * outputs[known] - 1, categories[known])
        return value


def is_metric_learning_loss(loss: Any) -> TypeGuard[nn.Module]:  # noqa: ANN401
    """Whether an object is a loss of pytorch-metric-learning, which need not be installed."""
    return any(kind.__module__.startswith("pytorch_metric_learning.") for kind in type(loss).mro())
