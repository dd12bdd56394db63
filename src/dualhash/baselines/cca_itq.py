"""CCA-ITQ: iterative quantisation after canonical correlation analysis with the categories."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, solve

from dualhash.baselines.common.features import Features, Report, no_report
from dualhash.baselines.common.hash_function import HashFunction
from dualhash.baselines.common.shallow_method import ShallowMethod
from dualhash.baselines.itq import rotation

RIDGE = 1e-4


def fit_cca_itq(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Fits ITQ to the directions that correlate most with the categories.

    Source: Gong and Lazebnik, CVPR 2011, section 3.3, and the authors' code: ridge 1e-4 on both
    covariances, directions scaled by their canonical correlations. C categories have at most
    C - 1 such directions; for more bits see `rotation`.
    """
    features = features.with_category()
    mean = features.values.mean(axis=0, dtype=np.float64)
    directions, correlations = canonical_directions(
        features.values.astype(np.float64), one_hot(features.labels.categories), bits
    )
    scaled = directions * correlations
    projected = (features.values - mean.astype(np.float32)) @ scaled.astype(np.float32)
    return HashFunction.of_centred(scaled @ rotation(projected, bits, generator, report), mean)


def one_hot(categories: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns indicators (N, C) of the C categories that occur."""
    indicators: NDArray[np.float64] = (categories[:, None] == np.unique(categories)).astype(
        np.float64
    )
    return indicators


def canonical_directions(
    values: NDArray[np.float64], labels: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the directions in which features correlate most with labels.

    Args:
        values: (N, d).
        labels: Indicators of categories, (N, C).
        count: The largest number of directions; there are at most min(d, C - 1).

    Returns:
        Directions w as columns (d, r) with w' (cov + ridge) w = 1, and their correlations (r,) in
        [0, 1], descending.
    """
    centred, centred_labels = values - values.mean(axis=0), labels - labels.mean(axis=0)
    size = len(values) - 1
    inner = centred.T @ centred / size + RIDGE * np.eye(values.shape[1])
    outer = centred_labels.T @ centred_labels / size + RIDGE * np.eye(labels.shape[1])
    between = centred.T @ centred_labels / size
    dimensions = values.shape[1]
    rank = min(count, dimensions, labels.shape[1] - 1)
    squared, directions = eigh(
        between @ solve(outer, between.T, assume_a="pos"),
        inner,
        subset_by_index=(dimensions - rank, dimensions - 1),
    )
    return directions[:, ::-1], np.sqrt(np.maximum(squared[::-1], 0))


CCA_ITQ = ShallowMethod(
    title="CCA-ITQ", paper="Gong and Lazebnik, CVPR", year=2011, fit=fit_cca_itq
)
