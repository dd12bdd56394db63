"""ITQ: iterative quantisation."""

import numpy as np
from numpy.typing import NDArray

from dualhash.baselines.common.features import Features, Report, no_report
from dualhash.baselines.common.hash_function import HashFunction
from dualhash.baselines.common.shallow_method import ShallowMethod

ITERATIONS = 50


def fit_itq(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Fits signs of principal components, rotated to be close to the corners of the cube.

    Source: Gong and Lazebnik, CVPR 2011, sections 2 and 3, with the authors' 50 iterations.
    Deviation: for more bits than components see `rotation`.
    """
    mean = features.values.mean(axis=0, dtype=np.float64)
    components = principal_components(features.values, bits)
    projected = (features.values - mean.astype(np.float32)) @ components.astype(np.float32)
    turned = rotation(projected, bits, generator, report)
    return HashFunction.of_centred(components @ turned, mean)


def principal_components(values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Returns leading eigenvectors of the covariance of (N, d) as columns (d, min(count, d))."""
    centred = values.astype(np.float64)
    centred -= centred.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return vectors[:, ::-1][:, :count]


def rotation(
    projected: NDArray[np.float32],
    bits: int,
    generator: np.random.Generator,
    report: Report = no_report,
) -> NDArray[np.float64]:
    """Minimises |B - V R|^2 over signs B and rotations R alternately, from a random R.

    Given R, B is sign(V R). Given B, R is the solution of the Procrustes problem.

    Args:
        projected: V, (N, r) with r at most `bits`. If r is smaller, V is extended by columns of
            zeros, so that R rotates its rows into k dimensions.
        bits: k.
        generator: Draws the initial R.
        report: Called after each iteration.

    Returns:
        The first r rows of R, (r, k); they are orthonormal.
    """
    dimensions = projected.shape[1]
    turned = np.linalg.qr(generator.standard_normal((bits, bits)))[0][:dimensions]
    for iteration in range(ITERATIONS):
        signs = np.where(projected @ turned.astype(np.float32) > 0, np.float32(1), np.float32(-1))
        left, _, right = np.linalg.svd((projected.T @ signs).astype(np.float64), False)
        turned = left @ right
        report(iteration + 1, ITERATIONS)
    return turned


ITQ = ShallowMethod(title="ITQ", paper="Gong and Lazebnik, CVPR", year=2011, fit=fit_itq)
