"""The result of an evaluation: figures with their draws or intervals, and counts."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from dualhash.evaluation.bootstrap import interval
from dualhash.evaluation.calibration import ReliabilityDiagrams


@dataclass(frozen=True)
class Measurements:
    """Figures of one or more tasks, as arrays.

    Attributes:
        figures: By name, (1 + B,) float64: the figure, then its value in each of B bootstrap
            draws; NaN if no query takes part.
        counts: By name, how many queries, selections or attributes took part or were left out.
    """

    figures: dict[str, NDArray[np.float64]]
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Merges figures and counts; if a name occurs twice, the last value counts."""
        merged = cls({})
        for part in parts:
            merged.figures.update(part.figures)
            merged.counts.update(part.counts)
        return merged


class MetricValue(BaseModel):
    """One figure with its 95 % bootstrap interval over queries.

    Attributes:
        value: In [0, 1]; None if no query takes part.
        low: Lower end of the interval; None without draws.
        high: Upper end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, draws: NDArray[np.float64]) -> "MetricValue":
        """Returns a figure of `Measurements.figures`, (1 + B,), with its interval."""
        if math.isnan(draws[0]):
            return cls(value=None)
        low, high = interval(draws[1:])
        return cls(value=float(draws[0]), low=low, high=high)


class Evaluation(BaseModel):
    """The figures of a model on the test images of a catalogue; saved as JSON.

    Attributes:
        figures: By name: `category_map`, `attribute_map`, `avg_hm`, `combined_recall_at_5`,
            `combined_capped_recall_at_5`, …
        protocol: Name of the protocol.
        codes: "binary" or "real".
        counts: Images, queries, selections and attributes that took part or were left out.
        hashes: Hash of the `model`, or of the `codes` if they were read from a file, and of the
            `data`: the label table of the test images.
        failures: One sentence for each test image that was left out.
        reliability: The reliability diagrams; None if codes were read from a file.
        draws: By name, the figure and then its value in each bootstrap draw, for `compare_draws`;
            not saved.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figures: dict[str, MetricValue]
    protocol: str
    codes: str
    counts: dict[str, int]
    hashes: dict[str, str]
    failures: tuple[str, ...] = ()
    reliability: ReliabilityDiagrams | None = None
    draws: dict[str, list[float]] = Field(default={}, exclude=True, repr=False)

    def values(self) -> Mapping[str, float | None]:
        """Returns the figures by name, without intervals."""
        return {name: figure.value for name, figure in self.figures.items()}
