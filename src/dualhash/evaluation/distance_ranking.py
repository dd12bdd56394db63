"""Rankings of all images by distance. Equal codes always have exactly equal distances."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.parallel import on_all_processors
from dualhash.jit import compiled

Result = TypeVar("Result")

Codes = NDArray[np.bool_] | NDArray[np.float32]
"""(N, k): bool bits, compared by Hamming distance, or reals, by squared Euclidean distance."""

QUERIES_PER_BLOCK = 256
"""Queries that one thread ranks all images for at a time."""


class DistanceRankings(NamedTuple):
    """The rankings of all N images for a block of b query images.

    Attributes:
        rows: (b,) int64, the query images.
        distances: (b, N), int16 for bits and float64 for reals.
        order: (b, N) int64, images by ascending distance; the order of ties is not defined.
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.int16] | NDArray[np.float64]
    order: NDArray[np.int64]


def measure_rankings(
    codes: Codes, measure: Callable[[DistanceRankings], Result]
) -> Iterator[tuple[NDArray[np.int64], Result]]:
    """Ranks all images for every image, block by block, and measures the rankings.

    Args:
        codes: (N, k) bool or float.
        measure: Called with the rankings of a block, in several threads.

    Yields:
        The query images of each block, in order, and what `measure` returned.
    """
    columns = np.ascontiguousarray(codes.T, dtype=np.float32)
    is_bits = codes.dtype == np.bool_

    def measured(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Result]:
        distances = _hamming(columns, rows) if is_bits else _squared_euclidean(columns, rows)
        # A stable sort of int16 is a radix sort, the fastest.
        order = np.argsort(distances, axis=1, kind="stable" if is_bits else "quicksort")
        return rows, measure(DistanceRankings(rows, distances, order))

    starts = range(0, len(codes), QUERIES_PER_BLOCK)
    blocks = [np.arange(len(codes))[start : start + QUERIES_PER_BLOCK] for start in starts]
    return on_all_processors(measured, blocks)


def _hamming(columns: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.int16]:
    """Distances (b, N) between `rows` and all N columns."""
    # Products of signs sum to k - 2 * distance, an integer that float32 holds exactly.
    signs = 2 * columns - 1
    distances: NDArray[np.int16] = ((len(columns) - signs[:, rows].T @ signs) / 2).astype(np.int16)
    return distances


@compiled
def _squared_euclidean(
    columns: NDArray[np.float32], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Squared distances (b, N) between `rows` and all N columns, all summed in the same order."""
    bits, images = columns.shape
    distances = np.zeros((len(rows), images))
    for b in range(len(rows)):
        for bit in range(bits):
            own = np.float64(columns[bit, rows[b]])
            for other in range(images):
                difference = own - np.float64(columns[bit, other])
                distances[b, other] += difference * difference
    return distances
