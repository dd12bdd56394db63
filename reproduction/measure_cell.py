"""Measures the figures of a cell from the outputs of its models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation import (
    attribute_retrieval,
    category_retrieval,
    combined_retrieval,
    weighted_retrieval,
)
from dualhash.evaluation.bootstrap import Weights, query_weights, weighted_means
from dualhash.evaluation.distance_ranking import Codes
from dualhash.evaluation.evaluation_result import Measurements
from dualhash.evaluation.harmonic_mean import average_harmonic_mean
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.search.results import Task

Progress = Callable[[str, float], None]
"""Called with the stage and the share of it that is done."""

BINS = 50
EVERYTHING: frozenset[Task] = frozenset({"category", "attribute", "combined"})


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a model computes for N images.

    Attributes:
        codes: (N, k), bool bits or the real outputs before quantisation.
        probabilities: (N, p) of each attribute, predicted from the codes; None without attributes.
    """

    codes: Codes
    probabilities: NDArray[np.floating] | None = None


def measure(
    outputs: Outputs,
    labels: TrueLabels,
    *,
    resamples: int,
    answers: frozenset[Task] = EVERYTHING,
    before: Outputs | None = None,
    attribute_information: NDArray[np.floating] | None = None,
    attribute_weight: float | None = None,
    unseen: Sequence[int] = (),
    progress: Progress = lambda _stage, _share: None,
) -> Measurements:
    """Measures figures by protocol ijcv2020, leave-one-out.

    Args:
        outputs: Of the N images.
        labels: True labels of the N images.
        resamples: Bootstrap draws; for the same number of images they are the same in every cell.
        answers: The tasks of the method; other figures are not measured.
        before: Outputs before quantisation; their figures are named `real_…`.
        attribute_information: (k,) of each bit. If given, rankings by the half of the bits with the
            least attribute information, and by the other half, are measured too. Their figures are
            named `half_least_…` and `half_most_…`.
        attribute_weight: T of weighted searches by bits. If given, they are measured too.
        unseen: Held-out categories, which are evaluated separately.
        progress: Called with the stage and the share of it that is done.
    """
    weights = query_weights(len(outputs.codes), resamples, np.random.default_rng(0))
    parts = [_figures(outputs, labels, weights, answers, progress)]
    if before is not None:
        found = _figures(before, labels, weights, answers, progress).figures
        parts.append(Measurements({f"real_{name}": values for name, values in found.items()}))
    if attribute_information is not None:
        parts.append(_halves(outputs, attribute_information, labels, weights, progress))
    if attribute_weight is not None and outputs.probabilities is not None:
        bits = np.asarray(outputs.codes, bool)
        parts.append(
            weighted_retrieval.ijcv2020(
                bits,
                outputs.probabilities,
                labels,
                weights,
                weight=attribute_weight,
                progress=lambda share: progress("weighted", share),
            )
        )
    if len(unseen):
        parts.append(unseen_figures(outputs.codes, labels.categories, unseen, weights))
    return Measurements.merged(parts)


def histogram(reals: NDArray[np.float32]) -> dict[str, Any]:
    """Counts all outputs in each of `BINS` equal parts of [0, 1]."""
    counts, _ = np.histogram(reals, bins=BINS, range=(0.0, 1.0))
    return {"counts": counts.tolist(), "outputs": int(reals.size)}


def _figures(
    outputs: Outputs,
    labels: TrueLabels,
    weights: Weights,
    answers: frozenset[Task],
    progress: Progress,
) -> Measurements:
    def stage(name: str) -> Callable[[float], None]:
        return lambda share: progress(name, share)

    found = []
    if "category" in answers:
        found.append(
            category_retrieval.ijcv2020(
                outputs.codes, labels.categories, weights, stage("category")
            )
        )
    if outputs.probabilities is not None and "attribute" in answers:
        found.append(
            attribute_retrieval.ijcv2020(outputs.probabilities, labels, weights, stage("attribute"))
        )
        found.append(average_harmonic_mean(outputs.probabilities, labels, weights))
    if outputs.probabilities is not None and "combined" in answers:
        found.append(
            combined_retrieval.ijcv2020(
                outputs.codes, outputs.probabilities, labels, weights, stage("combined")
            )
        )
    return Measurements.merged(found)


def _halves(
    outputs: Outputs,
    attribute_information: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
    progress: Progress,
) -> Measurements:
    """Measures rankings by half of the bits; the filter uses probabilities from all bits."""
    least, most = np.array_split(np.argsort(attribute_information, kind="stable"), 2)
    ranking = frozenset[Task]({"category", "combined"})
    return Measurements.merged(
        [
            Measurements(
                {f"half_{name}_{figure}": values for figure, values in found.figures.items()}
            )
            for name, bits in (("least", least), ("most", most))
            for half in [Outputs(outputs.codes[:, bits], outputs.probabilities)]
            for found in [_figures(half, labels, weights, ranking, progress)]
        ]
    )


def unseen_figures(
    codes: Codes,
    categories: NDArray[np.int64],
    unseen: Sequence[int],
    weights: Weights,
) -> Measurements:
    """Measures queries of held-out categories, among images of these categories and among all.

    The former is the protocol of Sablayrolles et al., "How should we evaluate supervised
    hashing?", ICASSP 2017.
    """
    apart = np.isin(categories, unseen)
    among_unseen = category_retrieval.category_precisions(codes, np.where(apart, categories, -1))
    among_all = np.where(apart, category_retrieval.category_precisions(codes, categories), np.nan)
    return Measurements(
        figures={
            "unseen_map": weighted_means(among_unseen[:, None], weights)[:, 0],
            "unseen_among_all_map": weighted_means(among_all[:, None], weights)[:, 0],
        },
        counts={"unseen_queries": int((~np.isnan(among_unseen)).sum())},
    )
