"""The figures of a cell, from what its model says of the images it is judged on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation import attribute, category, combined
from dualhash.evaluation.bootstrap import Weights, query_weights, weighted_means
from dualhash.evaluation.harmonic_mean import average_harmonic_mean
from dualhash.evaluation.labels import Labels
from dualhash.evaluation.measured import Measured

Answers = Literal["category", "attribute", "combined"]

Progress = Callable[[str, float], None]
"""Called with the stage and the share of it that is done."""

BINS = 50


@dataclass(frozen=True, eq=False)
class Said:
    """What a model says of N images.

    Attributes:
        bits: (N, k) bool, its codes.
        probabilities: (N, p) of each attribute, told from the codes; None where it tells none.
        reals: (N, k) float32 in [0, 1], its outputs before they become bits; None without.
        real_probabilities: (N, p), told from those outputs.
        answers: What the method is made for; no other figures are measured.
    """

    bits: NDArray[np.bool_]
    probabilities: NDArray[np.floating] | None = None
    reals: NDArray[np.float32] | None = None
    real_probabilities: NDArray[np.floating] | None = None
    answers: frozenset[Answers] = frozenset({"category", "attribute", "combined"})


@dataclass(frozen=True)
class Wanted:
    """What is measured besides the figures of the codes.

    Attributes:
        before: Whether the outputs before quantisation are measured too.
        unseen: Categories that are judged apart.
        draws: Figures whose draws are kept.
        extras: Names of `Result.extras`.
    """

    before: bool = False
    unseen: tuple[int, ...] = ()
    draws: frozenset[str] = frozenset()
    extras: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Judgement:
    """What was measured.

    Attributes:
        measured: Figures with their draws, and counts.
        extras: See `Result.extras`.
    """

    measured: Measured
    extras: dict[str, Any] = field(default_factory=dict)


def measure(
    said: Said, labels: Labels, wanted: Wanted, resamples: int, progress: Progress
) -> Measured:
    """All figures that the method can answer, protocol ijcv2020, leave-one-out.

    Args:
        said: About the N images.
        labels: The truth about them.
        wanted: What is measured besides.
        resamples: Bootstrap draws; of equally many images the same for every cell.
        progress: Called as the work goes on.
    """
    weights = query_weights(len(said.bits), resamples, np.random.default_rng(0))
    parts = [_figures(said, labels, weights, progress)]
    if wanted.before and said.reals is not None:
        before = Said(said.reals, said.real_probabilities, answers=said.answers)  # type: ignore[arg-type]
        found = _figures(before, labels, weights, progress)
        parts.append(Measured({f"real_{name}": found.figures[name] for name in found.figures}))
    if wanted.unseen:
        parts.append(_unseen(said.bits, labels.categories, wanted.unseen, weights))
    return Measured(
        figures={name: values for part in parts for name, values in part.figures.items()},
        counts={name: count for part in parts for name, count in part.counts.items()},
    )


def histogram(reals: NDArray[np.float32]) -> dict[str, Any]:
    """How many of all outputs fall into each of `BINS` equal parts of [0, 1]."""
    counts, _ = np.histogram(reals, bins=BINS, range=(0.0, 1.0))
    return {"counts": counts.tolist(), "outputs": int(reals.size)}


def _figures(said: Said, labels: Labels, weights: Weights, progress: Progress) -> Measured:
    def stage(name: str) -> Callable[[float], None]:
        return lambda share: progress(name, share)

    found = []
    if "category" in said.answers:
        found.append(category.ijcv2020(said.bits, labels.categories, weights, stage("category")))
    if "attribute" in said.answers and said.probabilities is not None:
        found.append(attribute.ijcv2020(said.probabilities, labels, weights, stage("attribute")))
        found.append(average_harmonic_mean(said.probabilities, labels, weights))
    if "combined" in said.answers and said.probabilities is not None:
        found.append(
            combined.ijcv2020(said.bits, said.probabilities, labels, weights, stage("combined"))
        )
    return Measured(
        figures={name: values for part in found for name, values in part.figures.items()},
        counts={name: count for part in found for name, count in part.counts.items()},
    )


def _unseen(
    bits: NDArray[np.bool_],
    categories: NDArray[np.int64],
    unseen: tuple[int, ...],
    weights: Weights,
) -> Measured:
    """Precisions of queries of the unseen categories, among images of those alone and among all.

    The former is the protocol of Sablayrolles et al., "How should we evaluate supervised
    hashing?", ICASSP 2017.
    """
    apart = np.isin(categories, unseen)
    among_unseen = category.category_precisions(bits, np.where(apart, categories, -1))
    among_all = np.where(apart, category.category_precisions(bits, categories), np.nan)
    return Measured(
        figures={
            "unseen_map": weighted_means(among_unseen[:, None], weights)[:, 0],
            "unseen_among_all_map": weighted_means(among_all[:, None], weights)[:, 0],
        },
        counts={"unseen_queries": int((~np.isnan(among_unseen)).sum())},
    )
