"""Distances of codes to each other, so that equal codes always have exactly equal distances."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Codes = NDArray[np.bool_] | NDArray[np.float32]
"""(N, k): bool bits, compared by Hamming distance, or reals, by squared Euclidean distance."""

BLOCK = 256


class Ranking(NamedTuple):
    """How all images rank for a block of b images.

    Attributes:
        rows: (b,) int64, the images of the block.
        distances: (b, N), int16 for bits and float64 for reals.
        order: (b, N) int64, images by ascending distance; ties in no particular order.
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.int16] | NDArray[np.float64]
    order: NDArray[np.int64]


def rankings(codes: Codes) -> Iterator[Ranking]:
    """Every image's distances to all images, and their ascending order, a block at a time.

    Args:
        codes: (N, k) bool or float.

    Yields:
        The rankings of successive images, which with all blocks are all N.
    """
    binary = codes.dtype == np.bool_
    columns = np.ascontiguousarray(codes.T, dtype=np.float32)
    signs = 2 * columns - 1
    for start in range(0, len(codes), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(codes)))
        distances: NDArray[np.int16] | NDArray[np.float64]
        if binary:
            # Products of signs sum to k - 2 * distance, an integer that float32 holds exactly.
            distances = ((codes.shape[1] - signs[:, rows].T @ signs) / 2).astype(np.int16)
            # A stable sort of int16 is a radix sort.
            order = np.argsort(distances, axis=1, kind="stable")
        else:
            distances = _squared_euclidean(columns, rows)
            order = np.argsort(distances, axis=1)
        yield Ranking(rows, distances, order)


@njit(parallel=True, cache=True)
def _squared_euclidean(
    columns: NDArray[np.float32], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Squared distances (b, N) between `rows` and all N columns; every pair is summed alike."""
    bits, images = columns.shape
    distances = np.zeros((len(rows), images))
    for b in prange(len(rows)):
        for bit in range(bits):
            own = np.float64(columns[bit, rows[b]])
            for other in range(images):
                difference = own - np.float64(columns[bit, other])
                distances[b, other] += difference * difference
    return distances
