"""Random batches in which any label may be missing."""

from typing import NamedTuple

import torch
from torch import Tensor

BITS, CATEGORIES, ATTRIBUTES = 8, 3, 4


class Batch(NamedTuple):
    """A network's output and the labels of its images; float64."""

    outputs: Tensor
    category_logits: Tensor
    attribute_logits: Tensor
    categories: Tensor
    attributes: Tensor
    observed: Tensor

    @property
    def output(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.outputs, self.category_logits, self.attribute_logits

    @property
    def labels(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.categories, self.attributes, self.observed

    def take(self, rows: Tensor | slice) -> "Batch":
        return Batch(*(tensor[rows] for tensor in self))


def random_batch(seed: int, size: int = 9) -> Batch:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    observed = torch.rand(size, ATTRIBUTES, generator=generator) < 0.6
    attributes = torch.rand(size, ATTRIBUTES, generator=generator) < 0.5
    return Batch(
        outputs=normal(size, BITS).sigmoid(),
        category_logits=normal(size, CATEGORIES),
        attribute_logits=2 * normal(size, ATTRIBUTES),
        categories=torch.randint(-1, CATEGORIES, (size,), generator=generator),
        attributes=(attributes & observed).double(),
        observed=observed,
    )
