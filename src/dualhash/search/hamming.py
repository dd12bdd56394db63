"""Hamming distances between packed codes."""

import numpy as np
from numpy.typing import NDArray

WORD_BYTES = 8


def as_words(codes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Packed codes (…, k/8) as words (…, ceil(k/64)), filled up with zero bits."""
    padding = -codes.shape[-1] % WORD_BYTES
    widths = [(0, 0)] * (codes.ndim - 1) + [(0, padding)]
    return np.ascontiguousarray(np.pad(codes, widths)).view(np.uint64)


def distances(query: NDArray[np.uint64], words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Number of bits in which N codes (N, w) differ from the query (w,), (N,), in 0..k."""
    differing: NDArray[np.int64] = np.bitwise_count(words ^ query).sum(axis=-1, dtype=np.int64)
    return differing
