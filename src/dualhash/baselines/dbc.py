"""Predictable discriminative binary codes."""

import numpy as np
from numpy.typing import NDArray

from dualhash.baselines.hash_function import HashFunction
from dualhash.baselines.itq import principal_components
from dualhash.baselines.method import Features, Report, ShallowMethod, unwatched
from dualhash.baselines.svm import linear_svms
from dualhash.errors import DualhashError

ROUNDS = 5
SWEEPS = 20

Signs = NDArray[np.float32]
"""Bits as -1 and 1."""


def fit_dbc(
    features: Features, bits: int, generator: np.random.Generator, report: Report = unwatched
) -> HashFunction:
    """Codes that tell categories apart, kept predictable by a linear SVM for each bit.

    Source: Rastegari, Farhadi and Forsyth, ECCV 2012, algorithm 1: from the signs of principal
    components, alternate between moving the codes to lower equation 1's distances within
    categories against those between them (`separate`), training an SVM for each bit on them, and
    taking the SVMs' predictions as the codes. Deviations: the trade-off lambda_2 is the ratio of
    the numbers of pairs, so that both kinds count alike; there are 5 rounds instead of a test of
    convergence; the SVMs have squared hinge losses (see `linear_svms`).
    """
    features = features.with_category()
    codes = principal_signs(features.values, bits)
    weights = None
    for done in range(ROUNDS):
        codes = separate(codes, features.labels.categories)
        weights = linear_svms(features.values, codes, start=weights)
        codes = signs(features.values @ weights[:-1].astype(np.float32) + weights[-1])
        report(done + 1, ROUNDS)
    assert weights is not None
    return HashFunction(weights[:-1].T.astype(np.float32).copy(), weights[-1].astype(np.float32))


def signs(values: NDArray[np.floating]) -> Signs:
    """1 where positive, -1 elsewhere."""
    return np.where(values > 0, np.float32(1), np.float32(-1))


def principal_signs(values: NDArray[np.float32], bits: int) -> Signs:
    """Signs (N, k) of the first k principal components.

    Raises:
        DualhashError: There are fewer.
    """
    if bits > values.shape[1]:
        raise DualhashError(
            f"This method starts from one principal component a bit, and features of "
            f"{values.shape[1]} values do not have {bits}: choose at most that many bits."
        )
    centred = values - values.mean(axis=0)
    return signs(centred @ principal_components(values, bits).astype(np.float32))


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


def separate(codes: Signs, categories: NDArray[np.int64]) -> Signs:
    """Goes down `pair_objective` by moving one category's bits at a time, until none moves.

    Flipping the bit b of an image of category c lowers the objective if b has another sign than
    (1 + lambda) u_c - lambda u - b, and then flipping those of its fellows lowers it further: each
    category takes one sign as a whole.

    Args:
        codes: (N, k), -1 or 1.
        categories: (N,).

    Returns:
        Codes (N, k) that are the same for all images of a category.
    """
    _, members, sizes = np.unique(categories, return_inverse=True, return_counts=True)
    ratio = pair_ratio(categories)
    sums = np.stack([codes[members == c].sum(axis=0, dtype=np.float64) for c in range(len(sizes))])
    for _ in range(SWEEPS):
        before = sums.copy()
        total = sums.sum(axis=0)
        for c, size in enumerate(sizes):
            moved = size * signs((1 + ratio) * sums[c] - ratio * total - sums[c] / size)
            total += moved - sums[c]
            sums[c] = moved
        if (sums == before).all():
            break
    return signs(sums)[members]


DBC = ShallowMethod(
    name="dbc",
    title="DBC",
    paper="Rastegari, Farhadi and Forsyth, ECCV",
    year=2012,
    answers=frozenset({"category"}),
    labels="category",
    bits="multiples of 8 up to the length of the features",
    fit=fit_dbc,
)
