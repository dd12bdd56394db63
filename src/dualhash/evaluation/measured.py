"""What a metric hands back."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Measured:
    """Figures of one task.

    Attributes:
        figures: By name, (1 + B,) float64: the figure, then its value in each of B bootstrap
            draws; NaN where no query takes part.
        counts: How many queries, selections or attributes took part or were left out, by name.
    """

    figures: dict[str, NDArray[np.float64]]
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def together(cls, parts: Iterable[Self]) -> Self:
        """All figures and counts of several; of those of one name, the last."""
        figures: dict[str, NDArray[np.float64]] = {}
        counts: dict[str, int] = {}
        for part in parts:
            figures |= part.figures
            counts |= part.counts
        return cls(figures, counts)
