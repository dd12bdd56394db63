"""Jointly learned binary codes for categories and attributes, reconstructed."""

import numpy as np
from numpy.typing import NDArray

from dualhash.baselines.dbc import Signs, predicted, principal_signs, signs
from dualhash.baselines.features import Features, Report, no_report
from dualhash.baselines.hash_function import HashFunction
from dualhash.baselines.linear_svm import (
    CODE_COST,
    attribute_head,
    attribute_targets,
    code_vectors,
    linear_svms,
)
from dualhash.baselines.shallow_method import ShallowMethod

ROUNDS = 5

SHARE = 20.0
"""What the mean loss over attributes weighs against categories, in units of the size of an image's
own category; chosen among 2, 6, 20 and 60 on fashion's validation images."""


def fit_jlbc(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Codes that tell categories apart and from which linear SVMs tell attributes.

    A reconstruction after Li, Wang, Liu, Jiang, Shan and Chen, ICCV 2015, whose code is not
    published: the printed algorithm of DBC (Rastegari, Farhadi and Forsyth, ECCV 2012, algorithm
    1) with a linear attribute term in the step that moves the codes. Rounds alternate between SVMs
    from codes to attributes, codes that go down `pair_objective` and the attribute losses (see
    `separate_jointly`), SVMs from features to bits, and codes as those predict them. In the end
    attributes are learned once more from the predicted codes. Trains on images with both kinds of
    label alone.
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
    """Pairs of images of one category over pairs of different ones: lambda in `pair_objective`."""
    sizes = np.unique(categories, return_counts=True)[1].astype(np.float64)
    within = (sizes**2).sum()
    return float(within / (sizes.sum() ** 2 - within))


def pair_objective(codes: Signs, categories: NDArray[np.int64]) -> float:
    """Hamming distances within categories minus lambda times those between, over ordered pairs.

    For one bit with values -1 and 1, whose sum is u over all images and u_c over category c, the
    pairs that differ are (n^2 - u^2) / 2 of n^2, so it all follows from these sums.

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


def attribute_weight(categories: NDArray[np.int64], attributes: int) -> float:
    """Gamma of the joint objective: `SHARE` of the mean size of an image's own category, over p."""
    sizes = np.unique(categories, return_counts=True)[1]
    return SHARE * float((sizes**2).sum() / sizes.sum()) / attributes


def losses(scores: NDArray[np.floating], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted squared hinge losses of an image, summed over attributes (N,)."""
    short = np.maximum(1 - np.sign(targets) * scores, 0)
    summed: NDArray[np.float64] = (np.abs(targets) * short**2).sum(axis=1)
    return summed


def separate_jointly(
    codes: Signs,
    categories: NDArray[np.int64],
    targets: NDArray[np.float64],
    readers: NDArray[np.float64],
) -> Signs:
    """Goes down `pair_objective` + gamma * attribute losses, one bit after the other.

    For one bit the losses change by a number for each image. Within a category the pair objective
    is concave, below its tangent, so taking for each image of the category the better bit by the
    tangent and its losses lowers the sum.

    Args:
        codes: (N, k), -1 or 1.
        categories: (N,).
        targets: (N, p), see `linear_svms`.
        readers: (k + 1, p), SVMs from codes to attributes.

    Returns:
        Codes (N, k) after one pass over the bits.
    """
    codes = codes.copy()
    _, members = np.unique(categories, return_inverse=True)
    groups = [np.flatnonzero(members == c) for c in range(members.max() + 1)]
    ratio, gamma = pair_ratio(categories), attribute_weight(categories, targets.shape[1])
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
