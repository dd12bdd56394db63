"""Clusters of codes: each code is filed under its nearest centre, by its distance to it.

By the triangle inequality, a code x of centre c is at a distance of at least |d(q, c) - d(x, c)|
from a query q. It is also at least (d(q, c) - d(q, c')) / 2 for every other centre c', since c is
the nearest to x.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.packing import pack, unpack
from dualhash.search.kernels.hamming import k_nearest
from dualhash.search.kernels.layout import CodeMatrix
from dualhash.search.kernels.threads import run_in_threads

MOST_CENTRES = 4096

SAMPLE = 64
"""Codes for each centre from which the centres are learned."""

ROUNDS = 4

_CHUNK = 1 << 17


class Clusters(NamedTuple):
    """The order of n codes by centre and by distance to it.

    Attributes:
        centres: (C, k/8) uint8, packed.
        starts: (C * (k + 1) + 1,) int64: codes at distance d from centre c begin at position
            starts[c * (k + 1) + d], and end where the next ones begin.
        radii: (C,) int64, the largest distance of a code from its centre; 0 without codes.
    """

    centres: NDArray[np.uint8]
    starts: NDArray[np.int64]
    radii: NDArray[np.int64]

    def fit(self, codes: NDArray[np.uint8]) -> bool:
        """Whether the shapes and positions are possible for packed codes (n, k/8)."""
        count, width = len(self.centres), codes.shape[1]
        return (
            self.centres.shape == (count, width)
            and self.starts.shape == (count * (8 * width + 1) + 1,)
            and self.radii.shape == (count,)
            and bool((np.diff(self.starts, prepend=0) >= 0).all())
            and bool(self.starts[-1] <= len(codes))
        )


def no_clusters(width: int) -> Clusters:
    """Clusters of codes of `width` bytes without centres, and so without codes."""
    none = np.empty(0, np.int64)
    return Clusters(np.empty((0, width), np.uint8), np.zeros(1, np.int64), none)


def cluster(
    codes: NDArray[np.uint8], centres: NDArray[np.uint8], threads: int = 1
) -> tuple[Clusters, NDArray[np.int64]]:
    """Files codes under centres.

    Args:
        codes: (n, k/8) uint8, packed; n is at least 1.
        centres: (C, k/8) uint8, packed; C is at least 1.
        threads: Number of threads; the result does not depend on it.

    Returns:
        The clusters, and the order (n,) of the codes: `codes[order]` is the clustered order, in
        which equally distant codes of a centre stay in their order.
    """
    which, distances = _nearest(codes, centres, threads)
    steps = 8 * codes.shape[1] + 1
    radii = np.zeros(len(centres), np.int64)
    np.maximum.at(radii, which, distances)
    keys = which * steps + distances
    ends = np.cumsum(np.bincount(keys, minlength=len(centres) * steps))
    starts = np.concatenate([np.zeros(1, np.int64), ends])
    return Clusters(centres, starts, radii), np.argsort(keys, kind="stable")


def draw_sample(codes: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Returns the codes (m, k/8), of n, from which centres are learned."""
    count = min(SAMPLE * _centre_count(len(codes)), len(codes))
    return codes[rng.choice(len(codes), count, replace=False)]


def learn_centres(sample: NDArray[np.uint8], count: int, threads: int = 1) -> NDArray[np.uint8]:
    """Returns centres (C, k/8), each the majority of the codes that it is nearest to (k-majority).

    They are learned by the rounds of k-means; a centre without codes stays.

    Args:
        sample: (m, k/8) uint8, packed, in any random order.
        count: The number of codes to be filed; C is about half its square root.
        threads: Number of threads; the result does not depend on it.
    """
    centres: NDArray[np.uint8] = sample[: _centre_count(count)].copy()
    for _ in range(ROUNDS):
        which, _ = _nearest(sample, centres, threads)
        order = np.argsort(which, kind="stable")
        used, first, members = np.unique(which[order], return_index=True, return_counts=True)
        ones = np.add.reduceat(unpack(sample[order]), first, axis=0, dtype=np.int32)
        centres[used] = pack(2 * ones > members[:, None])
    return centres


def _centre_count(codes: int) -> int:
    return min(max(round(math.sqrt(codes) / 2), 1), MOST_CENTRES)


def _nearest(
    codes: NDArray[np.uint8], centres: NDArray[np.uint8], threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the nearest centre of each code, the first of several, and its distance, (n,)."""
    matrix = CodeMatrix.of(centres)
    which, distances = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)

    def assign(start: int, stop: int) -> None:
        for first in range(start, stop, _CHUNK):
            rows = slice(first, min(first + _CHUNK, stop))
            far, centre = k_nearest(matrix, codes[rows], 1)
            which[rows], distances[rows] = centre[:, 0], far[:, 0]

    run_in_threads(assign, len(codes), threads)
    return which, distances
