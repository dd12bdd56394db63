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
from dualhash.jit import compiled
from dualhash.search.kernels.hamming import k_nearest
from dualhash.search.kernels.layout import (
    GROUP_SIZE,
    CodeMatrix,
    Words,
    as_words,
    distance_at,
    first_word,
)
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

    def hold(self, matrix: CodeMatrix) -> bool:
        """Whether codes are at the distances from their centres by which they are ordered."""
        steps = matrix.ranking_bits + 1
        return bool(_hold(matrix.words, as_words(self.centres), self.starts, steps))


def no_clusters(width: int) -> Clusters:
    """Clusters of codes of `width` bytes without centres, and so without codes."""
    none = np.empty(0, np.int64)
    return Clusters(np.empty((0, width), np.uint8), np.zeros(1, np.int64), none)


def file_codes(
    codes: NDArray[np.uint8], centres: NDArray[np.uint8], threads: int = 1
) -> NDArray[np.uint16]:
    """Returns the number of the nearest centre of each code, and its distance, (n, 2).

    Args:
        codes: (n, k/8) uint8, packed.
        centres: (C, k/8) uint8, packed; C is at least 1.
        threads: Number of threads; the result does not depend on it.
    """
    return np.stack(_nearest(codes, centres, threads), axis=1).astype(np.uint16)


def arrange(
    filed: NDArray[np.uint16], centres: NDArray[np.uint8]
) -> tuple[Clusters, NDArray[np.uint32]]:
    """Puts codes in clustered order.

    Args:
        filed: (n, 2), as of `file_codes`; a code is in no cluster if its number is no centre's.
        centres: (C, k/8) uint8, packed.

    Returns:
        The clusters, and the position (n,) of each code. Equally distant codes of a centre stay in
        their order, and so do codes in no cluster, which come last.
    """
    steps = 8 * centres.shape[1] + 1
    starts = np.zeros(len(centres) * steps + 1, np.int64)
    places = np.empty(len(filed), np.uint32)
    _arrange(filed, len(centres), steps, starts, places)
    used = np.diff(starts).reshape(len(centres), steps)[:, ::-1] > 0
    radii = np.where(used.any(axis=1), steps - 1 - used.argmax(axis=1), 0)
    return Clusters(centres, starts, radii), places


@compiled
def _arrange(
    filed: NDArray[np.uint16],
    count: int,
    steps: int,
    starts: NDArray[np.int64],
    places: NDArray[np.uint32],
) -> None:
    """Sorts by counting."""
    for row in range(len(filed)):
        if filed[row, 0] < count and filed[row, 1] < steps:
            starts[filed[row, 0] * steps + filed[row, 1] + 1] += 1
    for key in range(1, len(starts)):
        starts[key] += starts[key - 1]
    following = starts.copy()
    for row in range(len(filed)):
        key = len(starts) - 1
        if filed[row, 0] < count and filed[row, 1] < steps:
            key = filed[row, 0] * steps + filed[row, 1]
        places[row] = following[key]
        following[key] += 1


@compiled
def _hold(words: Words, centres: Words, starts: NDArray[np.int64], steps: int) -> bool:
    flat, length = words.reshape(-1), words.shape[1]
    for key in range(len(starts) - 1):
        for position in range(starts[key], starts[key + 1]):
            first = first_word(position // GROUP_SIZE, length) + position % GROUP_SIZE
            centre = centres[key // steps]
            if distance_at(flat, first, len(centre), centre, 0) != key % steps:
                return False
    return True


def cluster(
    codes: NDArray[np.uint8], centres: NDArray[np.uint8], threads: int = 1
) -> tuple[Clusters, NDArray[np.int64]]:
    """Files codes (n, k/8) under centres (C, k/8).

    Returns:
        The clusters, and the order (n,) of the codes: `codes[order]` is the clustered order.
    """
    clusters, places = arrange(file_codes(codes, centres, threads), centres)
    order = np.empty(len(codes), np.int64)
    order[places] = np.arange(len(codes))
    return clusters, order


def draw_sample(count: int) -> NDArray[np.int64]:
    """Returns the rows (m,), of `count` codes, from which centres are learned, in random order."""
    size = min(SAMPLE * _centre_count(count), count)
    return np.random.default_rng(0).choice(count, size, replace=False)


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
