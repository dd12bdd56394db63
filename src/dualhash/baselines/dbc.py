"""DBC: predictable discriminative binary codes."""

import numpy as np
from numpy.typing import NDArray

from dualhash.baselines.common.features import Features, Report, no_report
from dualhash.baselines.common.hash_function import HashFunction
from dualhash.baselines.common.linear_svm import linear_svms
from dualhash.baselines.common.shallow_method import ShallowMethod
from dualhash.baselines.itq import principal_components
from dualhash.errors import DualhashError

UPDATES = 10

Signs = NDArray[np.float32]
"""Bits as -1 and 1."""


def fit_dbc(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Fits codes that separate categories and that a linear SVM per bit can predict.

    Source: Rastegari, Farhadi and Forsyth, ECCV 2012, in the order of the authors' code, which
    differs from the printed algorithm 1. SVMs learn the signs of principal components. The codes
    they predict are separated by category (`separate`) and learned. The codes predicted then are
    set to the majority of each category (`unite`) and learned once more. The SVMs have the options
    that the code gives to liblinear: squared hinge, C = 1, a regularised bias.

    Deviations: the authors' code assumes categories of equal size, in lambda and in the majority;
    here each has its own size. All SVMs are solved together, and start at the previous solution.
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
    """Returns 1 for positive values, else -1."""
    return np.where(values > 0, np.float32(1), np.float32(-1))


def predicted(values: NDArray[np.float32], weights: NDArray[np.float64]) -> Signs:
    """Returns codes (N, k) of features (N, d), by weights (d + 1, k) of `linear_svms`."""
    return signs(values @ weights[:-1].astype(np.float32) + weights[-1])


def principal_signs(values: NDArray[np.float32], bits: int) -> Signs:
    """Returns the signs (N, k) of the first k principal components.

    Raises:
        DualhashError: There are fewer components.
    """
    if bits > values.shape[1]:
        raise DualhashError(
            f"This method needs a principal component per bit, and features have "
            f"{values.shape[1]} components: use at most {values.shape[1]} bits, not {bits}."
        )
    centred = values - values.mean(axis=0)
    return signs(centred @ principal_components(values, bits).astype(np.float32))


def separate(codes: Signs, categories: NDArray[np.int64]) -> Signs:
    """Flips bits to lower distances within categories relative to those between categories.

    A bit 0 of an image of category c becomes 1 if the number of ones in c exceeds lambda times the
    number of ones in other categories; a bit 1 becomes 0 by the same rule for zeros. lambda is the
    share of c among all images. All bits are checked before any is flipped, `UPDATES` times or
    until none is flipped.

    So one update sets a bit to one value in a whole category. Exception: if the share of ones in
    the category is between r and r + lambda, r being the ones of other categories divided by N,
    its zeros and ones are exchanged, so images keep different values in bits that do not separate
    their category.

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
    """Sets each bit to the majority in the category of the image; -1 if there is a tie.

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
