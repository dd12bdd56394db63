"""KSH: supervised hashing with kernels."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from dualhash.baselines.common.features import Features, Report, no_report
from dualhash.baselines.common.hash_function import HashFunction, RbfKernel, squared_distances
from dualhash.baselines.common.shallow_method import ShallowMethod

ANCHORS = 300
MOST_IMAGES = 20_000
STEPS = 500
TOLERANCE = 1e-3
RIDGE = 1e-6

Array = NDArray[np.floating]
Product = Callable[[Array], Array]
"""Multiplies the residual label matrix (N, N) by a vector (N,)."""


def fit_ksh(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Fits bits greedily so that products of codes approximate k times the label matrix.

    The label matrix is 1 for images of equal category and -1 for others.

    Source: Liu, Wang, Ji, Jiang and Chang, CVPR 2012, algorithm 1, and the authors' code: 300
    random anchors; the squared width of the kernel is the mean squared distance; each bit starts
    with the spectral relaxation, followed by accelerated gradient steps on the smooth surrogate.
    At most 20,000 random images are used, as in the paper reproduced here.

    Deviations: the label matrix is not stored; its products follow from sums over categories. The
    steps end at a relative change of the objective of 1e-3; the authors' code uses an absolute
    change of 0.01 N. The spectral problem has a small ridge, for nearly equal anchors.
    """
    features = features.with_category()
    images = len(features.values)
    features = features.take(generator.choice(images, min(images, MOST_IMAGES), replace=False))
    kernel, mapped, mean = centred_kernel(features.values, generator)
    _, members = np.unique(features.labels.categories, return_inverse=True)
    wide = mapped.astype(np.float64)
    gram = wide.T @ wide
    spread = gram + RIDGE * gram.trace() / len(gram) * np.eye(len(gram))
    compressed = bits * compress(mapped, members)
    codes = np.empty((len(members), bits), np.float32, order="F")
    directions = np.empty((len(gram), bits), np.float32)
    for bit in range(bits):
        product = residual(members, codes[:, :bit], bits)
        _, vectors = eigh(compressed, spread, subset_by_index=(len(gram) - 1, len(gram) - 1))
        spectral = vectors[:, 0].astype(np.float32)
        spectral *= np.sqrt(len(mapped) / (spectral @ gram @ spectral))
        directions[:, bit], codes[:, bit] = better(
            mapped, product, spectral, descend(mapped, product, spectral)
        )
        correlation = (mapped.T @ codes[:, bit]).astype(np.float64)
        compressed -= np.outer(correlation, correlation)
        report(bit + 1, bits)
    return HashFunction.of_centred(directions, mean, kernel)


def centred_kernel(
    values: NDArray[np.float32], generator: np.random.Generator
) -> tuple[RbfKernel, Array, Array]:
    """Returns a kernel on random anchors, its centred similarities (N, m) and their means (m,)."""
    anchors = values[generator.choice(len(values), min(ANCHORS, len(values)), replace=False)]
    squared = squared_distances(values, anchors).mean(dtype=np.float64)
    kernel = RbfKernel(anchors, float(np.sqrt(squared)))
    similarities = kernel(values)
    mean = similarities.mean(axis=0)
    return kernel, similarities - mean, mean


def compress(mapped: Array, members: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns K' S K (m, m); S is 1 for images of the same category and -1 for others.

    Args:
        mapped: K, (N, m).
        members: Indices of categories, (N,), without gaps.
    """
    sums = np.stack(
        [mapped[members == c].sum(axis=0, dtype=np.float64) for c in range(members.max() + 1)]
    )
    total = sums.sum(axis=0)
    products: NDArray[np.float64] = 2 * sums.T @ sums - np.outer(total, total)
    return products


def residual(members: NDArray[np.int64], codes: Array, bits: int) -> Product:
    """Returns the product with k S (see `compress`) minus the outer products of the bits so far.

    Args:
        members: Indices of categories, (N,), without gaps.
        codes: (N, t), -1 or 1.
        bits: k.
    """

    def product(vector: Array) -> Array:
        sums = np.bincount(members, vector)
        equal = (2 * sums - sums.sum())[members]
        products: Array = (bits * equal).astype(np.float32) - codes @ (vector @ codes)
        return products

    return product


def better(mapped: Array, product: Product, *directions: Array) -> tuple[Array, Array]:
    """Returns the direction a (m,) with the largest y' S y, and its bits y = sgn(K a)."""
    bits = [np.where(mapped @ a > 0, np.float32(1), np.float32(-1)) for a in directions]
    return max(
        zip(directions, bits, strict=True), key=lambda pair: float(pair[1] @ product(pair[1]))
    )


def descend(mapped: Array, product: Product, start: Array) -> Array:
    """Minimises -y' S y with y = 2 sigmoid(K a) - 1 by Nesterov's method (equations 14 to 16).

    Steps are shortened until the objective is below its quadratic bound. Products with K are
    linear, so each step needs one product with K and one with K'.
    """

    def smooth(projected: Array) -> tuple[Array, Array, float]:
        bit = np.tanh(projected / 2)
        pulled = product(bit)
        return bit, pulled, -float(bit @ pulled)

    # Each direction is stored with its projections.
    before: tuple[Array, Array] = (start, mapped @ start)
    now = before
    cost = smooth(now[1])[2]
    momentum, next_momentum, curvature = 0.0, 1.0, 1.0
    for _ in range(STEPS):
        share = (momentum - 1) / next_momentum
        probe = now[0] + share * (now[0] - before[0])
        projected = now[1] + share * (now[1] - before[1])
        bit, pulled, height = smooth(projected)
        slope = -((pulled * (1 - bit**2)) @ mapped)
        along, steep = mapped @ slope, float(slope @ slope)
        while (reached := smooth(projected - along / curvature)[2]) > (
            height - steep / curvature / 2
        ):
            curvature *= 2
            if steep / curvature <= TOLERANCE * abs(height):
                return now[0]
        before, now = now, (probe - slope / curvature, projected - along / curvature)
        momentum, next_momentum = next_momentum, (1 + math.sqrt(1 + 4 * next_momentum**2)) / 2
        change, cost = abs(reached - cost), reached
        if change <= TOLERANCE * abs(cost):
            break
    return now[0]


KSH = ShallowMethod(
    title="KSH", paper="Liu, Wang, Ji, Jiang and Chang, CVPR", year=2012, fit=fit_ksh
)
