"""From the bytes of an image to what a backbone takes."""

import torch
from torch import Tensor, nn

from dualhash.network.backbone import Backbone


class Normalise(nn.Module):
    """Scales each colour by the backbone's mean and deviation; part of the exported graph."""

    mean: Tensor
    std: Tensor

    def __init__(self, spec: Backbone) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(spec.mean).view(1, 3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(spec.std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Float32 (N, 3, H, W) in channels-last memory order, of RGB images uint8 (N, H, W, 3)."""
        return (images.permute(0, 3, 1, 2).to(self.mean.dtype) - self.mean) / self.std
