"""What an evaluation hands to people and programs."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dualhash.evaluation.bootstrap import interval


@dataclass(frozen=True)
class Measurements:
    """Figures of one task.

    Attributes:
        figures: By name, (1 + B,) float64: the figure, then its value in each of B bootstrap
            draws; NaN where no query takes part.
        counts: How many queries, selections or attributes took part or were left out, by name.
    """

    figures: dict[str, NDArray[np.float64]]
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """All figures and counts of several; of those of one name, the last."""
        figures: dict[str, NDArray[np.float64]] = {}
        counts: dict[str, int] = {}
        for part in parts:
            figures |= part.figures
            counts |= part.counts
        return cls(figures, counts)


class MetricValue(BaseModel):
    """One figure with its 95 % bootstrap interval over queries.

    Attributes:
        value: In [0, 1]; None when no query could be asked.
        low: Lower end of the interval; None without draws.
        high: Upper end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "MetricValue":
        """From the figure and its draws, (1 + B,); see `Measurements.figures`."""
        if math.isnan(values[0]):
            return cls(value=None)
        low, high = interval(values[1:]) or (None, None)
        return cls(value=float(values[0]), low=low, high=high)


class Evaluation(BaseModel):
    """How good a model is on the test images of a catalogue; saved as JSON.

    Attributes:
        figures: By name: `category_map`, `attribute_map`, `avg_hm`, `combined_recall_at_5`,
            `combined_capped_recall_at_5`, …
        protocol: By which the figures were measured.
        codes: "binary" or "real".
        counts: Images, queries, selections and attributes that took part or were left out.
        hashes: Of the `model`, or of the `codes` where no model was at hand, and of the `data`, the
            label table of the test images.
        failures: Why each test image that was left out cannot be read, in plain sentences.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figures: dict[str, MetricValue]
    protocol: str
    codes: str
    counts: dict[str, int]
    hashes: dict[str, str]
    failures: tuple[str, ...] = ()

    def values(self) -> Mapping[str, float | None]:
        """The figures without their intervals, by name."""
        return {name: figure.value for name, figure in self.figures.items()}
