"""Colour statistics of images, as part of an extractor's graph.

Pooled features of a network lose fine colour. A coarse map of mean colours says which colour is
where, and a joint histogram says how much of each colour there is.
"""

import torch
from torch import Tensor, nn

LEVELS = 6
"""Levels of each channel in a histogram of LEVELS ** 3 colours."""

GRID = 4
"""Cells of the colour map in each direction."""

SAMPLES = 64
"""A histogram counts at most about SAMPLES x SAMPLES pixels of an image."""


class ColourStatistics(nn.Module):
    """Mean colours on a grid and two joint colour histograms.

    Attributes:
        size: Length of the features: 3 GRID**2 means, and LEVELS**3 square roots of shares for the
            whole image and for its middle.
    """

    size = 3 * GRID**2 + 2 * LEVELS**3

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, size) in [0, 1] of RGB images, uint8 (N, H, W, 3)."""
        height, width = images.shape[1:3]
        middle = images[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
        return torch.cat([colour_map(images), histogram(images), histogram(middle)], dim=1)


def colour_map(images: Tensor) -> Tensor:
    """Mean R, G and B of each cell of the grid, (N, 3 GRID**2) in [0, 1]."""
    height, width = (side // GRID * GRID for side in images.shape[1:3])
    cells = (
        images[:, :height, :width].float().reshape(-1, GRID, height // GRID, GRID, width // GRID, 3)
    )
    return cells.mean(dim=(2, 4)).flatten(1) / 255


def histogram(images: Tensor) -> Tensor:
    """Square roots of the share of each of LEVELS**3 colours, (N, LEVELS**3) in [0, 1].

    The square root makes Euclidean distances of histograms Hellinger distances.
    """
    step = max(1, min(images.shape[1:3]) // SAMPLES)
    pixels = images[:, ::step, ::step].flatten(1, 2)
    levels = (pixels.to(torch.int32) * LEVELS // 256).unsqueeze(-1)
    red, green, blue = (levels == torch.arange(LEVELS, dtype=torch.int32)).float().unbind(2)
    red_green = (red.unsqueeze(-1) * green.unsqueeze(-2)).flatten(2)
    counts = red_green.transpose(1, 2) @ blue
    return (counts.flatten(1) / pixels.shape[1]).sqrt()
