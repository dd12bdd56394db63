"""The figures of a cell, from what its model says of the images it is judged on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from dualhash.baselines.method import Answer
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

Progress = Callable[[str, float], None]
"""Called with the stage and the share of it that is done."""

BINS = 50
EVERYTHING: frozenset[Answer] = frozenset(get_args(Answer))


@dataclass(frozen=True, eq=False)
class Said:
    """What a model says of N images.

    Attributes:
        codes: (N, k), bool bits or the real outputs before quantisation.
        probabilities: (N, p) of each attribute, told from the codes; None where it tells none.
    """

    codes: Codes
    probabilities: NDArray[np.floating] | None = None


def measure(
    said: Said,
    labels: TrueLabels,
    *,
    resamples: int,
    answers: frozenset[Answer] = EVERYTHING,
    before: Said | None = None,
    attribute_information: NDArray[np.floating] | None = None,
    attribute_weight: float | None = None,
    unseen: Sequence[int] = (),
    progress: Progress = lambda _stage, _share: None,
) -> Measurements:
    """Figures by protocol ijcv2020, leave-one-out.

    Args:
        said: About the N images.
        labels: The truth about them.
        resamples: Bootstrap draws; of equally many images the same for every cell.
        answers: What the method is made for; no other figures are measured.
        before: What was said before quantisation; its figures are named `real_…`.
        attribute_information: (k,) what each bit says of attributes; if given, rankings are also
            measured by the half of the bits that say least of them and by the other half. Their
            figures are named `half_least_…` and `half_most_…`.
        attribute_weight: If given, T of weighted searches by bits, which are measured, too.
        unseen: Categories that are judged apart.
        progress: Called as the work goes on.
    """
    weights = query_weights(len(said.codes), resamples, np.random.default_rng(0))
    parts = [_figures(said, labels, weights, answers, progress)]
    if before is not None:
        found = _figures(before, labels, weights, answers, progress).figures
        parts.append(Measurements({f"real_{name}": values for name, values in found.items()}))
    if attribute_information is not None:
        parts.append(_halves(said, attribute_information, labels, weights, progress))
    if attribute_weight is not None and said.probabilities is not None:
        bits = np.asarray(said.codes, bool)
        parts.append(
            weighted_retrieval.ijcv2020(
                bits,
                said.probabilities,
                labels,
                weights,
                weight=attribute_weight,
                progress=lambda share: progress("weighted", share),
            )
        )
    if len(unseen):
        parts.append(_unseen(said.codes, labels.categories, unseen, weights))
    return Measurements.merged(parts)


def histogram(reals: NDArray[np.float32]) -> dict[str, Any]:
    """How many of all outputs fall into each of `BINS` equal parts of [0, 1]."""
    counts, _ = np.histogram(reals, bins=BINS, range=(0.0, 1.0))
    return {"counts": counts.tolist(), "outputs": int(reals.size)}


def _figures(
    said: Said,
    labels: TrueLabels,
    weights: Weights,
    answers: frozenset[Answer],
    progress: Progress,
) -> Measurements:
    def stage(name: str) -> Callable[[float], None]:
        return lambda share: progress(name, share)

    found = []
    if "category" in answers:
        found.append(
            category_retrieval.ijcv2020(said.codes, labels.categories, weights, stage("category"))
        )
    if said.probabilities is not None and "attribute" in answers:
        found.append(
            attribute_retrieval.ijcv2020(said.probabilities, labels, weights, stage("attribute"))
        )
        found.append(average_harmonic_mean(said.probabilities, labels, weights))
    if said.probabilities is not None and "combined" in answers:
        found.append(
            combined_retrieval.ijcv2020(
                said.codes, said.probabilities, labels, weights, stage("combined")
            )
        )
    return Measurements.merged(found)


def _halves(
    said: Said,
    attribute_information: NDArray[np.floating],
    labels: TrueLabels,
    weights: Weights,
    progress: Progress,
) -> Measurements:
    """Rankings by half of the bits; what they are filtered by is told from all of them."""
    least, most = np.array_split(np.argsort(attribute_information, kind="stable"), 2)
    ranking = frozenset[Answer]({"category", "combined"})
    return Measurements.merged(
        [
            Measurements(
                {f"half_{name}_{figure}": values for figure, values in found.figures.items()}
            )
            for name, bits in (("least", least), ("most", most))
            for half in [Said(said.codes[:, bits], said.probabilities)]
            for found in [_figures(half, labels, weights, ranking, progress)]
        ]
    )


def _unseen(
    codes: Codes,
    categories: NDArray[np.int64],
    unseen: Sequence[int],
    weights: Weights,
) -> Measurements:
    """Precisions of queries of the unseen categories, among images of those alone and among all.

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
