"""Predictable discriminative binary codes."""

import numpy as np
from numpy.typing import NDArray

from dualhash.baselines.features import Features, Report, no_report
from dualhash.baselines.hash_function import HashFunction
from dualhash.baselines.itq import principal_components
from dualhash.baselines.linear_svm import linear_svms
from dualhash.baselines.shallow_method import ShallowMethod
from dualhash.errors import DualhashError

UPDATES = 10

Signs = NDArray[np.float32]
"""Bits as -1 and 1."""


def fit_dbc(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Codes that tell categories apart, kept predictable by a linear SVM for each bit.

    Source: Rastegari, Farhadi and Forsyth, ECCV 2012, in the order of the authors' code rather
    than of the printed algorithm 1. SVMs learn the signs of principal components; the codes they
    predict are separated by category (`separate`) and learned; the codes predicted then are given
    to categories by majority (`unite`) and learned once more. The SVMs are liblinear's by the
    code's stated options: squared hinge, C = 1, the bias among the weights. Deviations: that code
    takes all categories to be of one size, in lambda and in the majority; here each has its own.
    All SVMs are solved together, each beginning at the one before it.
    """
    features = features.with_category()
    values, categories = features.values, features.labels.categories
    weights = linear_svms(values, principal_signs(values, bits))
    report(1, 3)
    for done, move in enumerate((separate, unite), 2):
        codes = move(predicted(values, weights), categories)
        weights = linear_svms(values, codes, start=weights)
        report(done, 3)
    return HashFunction(weights[:-1].T.astype(np.float32).copy(), weights[-1].astype(np.float32))


def signs(values: NDArray[np.floating]) -> Signs:
    """1 where positive, -1 elsewhere."""
    return np.where(values > 0, np.float32(1), np.float32(-1))


def predicted(values: NDArray[np.float32], weights: NDArray[np.float64]) -> Signs:
    """Codes (N, k) of features (N, d) by the SVMs (d + 1, k) that `linear_svms` found."""
    return signs(values @ weights[:-1].astype(np.float32) + weights[-1])


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


def separate(codes: Signs, categories: NDArray[np.int64]) -> Signs:
    """Flips bits to lower distances within categories against those between them.

    A bit 0 of an image of category c becomes 1 if more images of c than lambda times those of
    other categories have 1 there, and a bit 1 becomes 0 likewise; lambda is the share of c in all
    images. All bits are judged before any flips, `UPDATES` times or until none flips.

    So in one update a category takes one value of a bit as a whole, or, where a share of it between
    r and r + lambda has 1, r being the ones of other categories over all N images, exchanges 0 and
    1: of bits that hardly tell it apart its images keep values of their own.

    Args:
        codes: (N, k), -1 or 1.
        categories: (N,).
    """
    _, members, sizes = np.unique(categories, return_inverse=True, return_counts=True)
    share = (sizes / len(codes))[:, None]
    own = (members == np.arange(len(sizes))[:, None]).astype(np.float32)
    for _ in range(UPDATES):
        ones = (own @ (codes > 0)).astype(np.float64)
        zeros = sizes[:, None] - ones
        to_one = ones > share * (ones.sum(axis=0) - ones)
        to_zero = zeros > share * (zeros.sum(axis=0) - zeros)
        flips = np.where(codes > 0, to_zero[members], to_one[members])
        if not flips.any():
            break
        codes = np.where(flips, -codes, codes)
    return codes


def unite(codes: Signs, categories: NDArray[np.int64]) -> Signs:
    """Gives each image the bits that most images of its category have; -1 where as many have 1.

    Args:
        codes: (N, k), -1 or 1.
        categories: (N,).
    """
    _, members = np.unique(categories, return_inverse=True)
    own = (members == np.arange(members.max() + 1)[:, None]).astype(np.float32)
    return signs(own @ codes)[members]


DBC = ShallowMethod(
    title="DBC",
    paper="Rastegari, Farhadi and Forsyth, ECCV",
    year=2012,
    bits="multiples of 8 up to the length of the features",
    fit=fit_dbc,
)
