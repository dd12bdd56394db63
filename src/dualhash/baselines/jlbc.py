"""JLBC: jointly learned binary codes for categories and attributes, reconstructed."""

import numpy as np
from numpy.typing import NDArray

from dualhash.baselines.common.features import Features, Report, no_report
from dualhash.baselines.common.hash_function import HashFunction
from dualhash.baselines.common.linear_svm import (
    CODE_COST,
    attribute_head,
    attribute_targets,
    code_vectors,
    linear_svms,
)
from dualhash.baselines.common.shallow_method import ShallowMethod
from dualhash.baselines.dbc import Signs, predicted, principal_signs, signs

ROUNDS = 5

SHARE = 20.0
"""Weight of the mean loss over attributes relative to categories, in units of the size of an
image's own category; chosen from 2, 6, 20 and 60 on the validation images of fashion."""


def fit_jlbc(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Fits codes that separate categories and from which linear SVMs predict attributes.

    A reconstruction of Li, Wang, Liu, Jiang, Shan and Chen, ICCV 2015, whose code is not published:
    the printed algorithm of DBC (Rastegari, Farhadi and Forsyth, ECCV 2012, algorithm 1) with a
    linear attribute term in the step that updates the codes. Each round has four steps: SVMs from
    codes to attributes; codes that lower `pair_objective` and the attribute losses (see
    `separate_jointly`); SVMs from features to bits; codes predicted by these SVMs. At the end,
    attributes are learned once more from the predicted codes. It trains only on images with both
    kinds of label.
    """
    features = features.with_category()
    targets = attribute_targets(features.labels)
    codes = principal_signs(features.values, bits)
    weights = None
    for done in range(ROUNDS):
        readers = linear_svms(code_vectors(codes > 0), targets, cost=CODE_COST)
        readers[:-1] /= np.sqrt(bits)
        codes = separate_jointly(codes, features.labels.categories, targets, readers)
        weights = linear_svms(features.values, codes, start=weights)
        codes = predicted(features.values, weights)
        report(done + 1, ROUNDS)
    assert weights is not None
    return HashFunction(
        weights[:-1].T.astype(np.float32).copy(),
        weights[-1].astype(np.float32),
        attribute_head=attribute_head(codes > 0, features.labels),
    )


def pair_ratio(categories: NDArray[np.int64]) -> float:
    """Returns lambda of `pair_objective`: pairs within categories divided by pairs between them."""
    sizes = np.unique(categories, return_counts=True)[1].astype(np.float64)
    within = (sizes**2).sum()
    return float(within / (sizes.sum() ** 2 - within))


def pair_objective(codes: Signs, categories: NDArray[np.int64]) -> float:
    """Hamming distances within categories minus lambda times those between, over ordered pairs.

    If the values -1 and 1 of a bit sum to u over n images, (n^2 - u^2) / 2 of their n^2 pairs
    differ, so the objective follows from the sums over all images and over each category.

    Args:
        codes: (N, k), -1 or 1.
        categories: (N,).
    """
    ratio = pair_ratio(categories)
    within = 0.0
    for category in np.unique(categories):
        members = codes[categories == category]
        within += float((len(members) ** 2 - members.sum(axis=0, dtype=np.float64) ** 2).sum()) / 2
    between = float((len(codes) ** 2 - codes.sum(axis=0, dtype=np.float64) ** 2).sum()) / 2 - within
    return within - ratio * between


def attribute_gamma(categories: NDArray[np.int64], attributes: int) -> float:
    """Returns gamma of the joint objective: `SHARE` * mean size of an image's category / p."""
    sizes = np.unique(categories, return_counts=True)[1]
    return SHARE * float((sizes**2).sum() / sizes.sum()) / attributes


def losses(scores: NDArray[np.floating], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the weighted squared hinge losses of images, summed over attributes, (N,)."""
    slack = np.maximum(1 - np.sign(targets) * scores, 0)
    summed: NDArray[np.float64] = (np.abs(targets) * slack**2).sum(axis=1)
    return summed


def separate_jointly(
    codes: Signs,
    categories: NDArray[np.int64],
    targets: NDArray[np.float64],
    readers: NDArray[np.float64],
) -> Signs:
    """Lowers `pair_objective` + gamma * attribute losses, one bit after the other.

    Within a category the pair objective is concave in the values of a bit, so it is below its
    tangent. Choosing the better value of each image by tangent and losses therefore lowers the
    sum.

    Args:
        codes: (N, k), -1 or 1.
        categories: (N,).
        targets: (N, p); see `linear_svms`.
        readers: Weights of SVMs from codes to attributes, (k + 1, p).

    Returns:
        Codes (N, k) after one pass over the bits.
    """
    codes = codes.copy()
    _, members = np.unique(categories, return_inverse=True)
    groups = [np.flatnonzero(members == c) for c in range(members.max() + 1)]
    ratio, gamma = pair_ratio(categories), attribute_gamma(categories, targets.shape[1])
    scores = codes @ readers[:-1] + readers[-1]
    for bit, reader in zip(codes.T, readers[:-1], strict=True):
        others = scores - np.outer(bit, reader)
        gain = gamma / 2 * (losses(others - reader, targets) - losses(others + reader, targets))
        total = float(bit.sum())
        for group in groups:
            own = float(bit[group].sum())
            moved = signs((1 + ratio) * own - ratio * total + gain[group])
            total += float(moved.sum()) - own
            bit[group] = moved
        scores = others + np.outer(bit, reader)
    return codes


JLBC = ShallowMethod(
    title="JLBC",
    paper="Li, Wang, Liu, Jiang, Shan and Chen, ICCV",
    year=2015,
    answers=frozenset({"category", "attribute", "combined"}),
    labels="joint",
    bits="multiples of 8 up to the length of the features",
    fit=fit_jlbc,
)
