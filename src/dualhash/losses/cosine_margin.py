"""The cosine-margin loss for categories."""

from torch import Tensor, nn
from torch.nn import functional

from dualhash.losses.softmax import softmax_loss


class CosineMarginLoss(nn.Module):
    """Softmax cross entropy after s m is subtracted from the logit of the true category.

    The logits are s cos(2 r - 1, w_c), as the network's cosine head computes them: images must be
    closer to their category's direction than to any other by the margin m. For binary codes the
    cosine is an affine function of the Hamming distance, so the loss optimises what category
    search ranks by.

    Sources: Wang et al., "CosFace: Large Margin Cosine Loss for Deep Face Recognition" (CVPR 2018);
    Hoe et al., "One Loss for All: Deep Hashing with a Single Cosine Similarity based Learning
    Objective" (NeurIPS 2021), which uses it on codes.

    Args:
        margin: m, a difference of cosines in [0, 2). The papers use 0.2 to 0.5.
        scale: s, the scale of the logits, above 0: that of the cosine head.

    >>> import torch
    >>> codes, logits = torch.rand(1, 8), torch.tensor([[3.2, 0.0]])
    >>> CosineMarginLoss()(codes, torch.tensor([0]), logits)  # the margin is used up: ln 2
    tensor(0.6931)
    """

    def __init__(self, margin: float = 0.2, scale: float = 16.0) -> None:
        super().__init__()
        self.margin, self.scale = margin, scale

    def forward(self, outputs: Tensor, categories: Tensor, category_logits: Tensor) -> Tensor:
        """Returns a scalar; see `CategoryLoss`."""
        true = functional.one_hot(categories.clamp(min=0), category_logits.shape[1])
        return softmax_loss(category_logits - self.scale * self.margin * true, categories)
