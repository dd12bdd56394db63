"""The same searches with other libraries."""

from collections.abc import Callable

import faiss
import numpy as np
from numpy.typing import NDArray
from usearch.index import MetricKind, search

Search = Callable[[NDArray[np.uint8], int], NDArray[np.int64]]
"""Queries (Q, k/8) and k to sorted distances (Q, k)."""


class FaissFlat:
    """IndexBinaryFlat, with either way of keeping the k closest."""

    def __init__(self, codes: NDArray[np.uint8]) -> None:
        self.index = faiss.IndexBinaryFlat(8 * codes.shape[1])
        self.index.add(codes)

    def search(
        self,
        queries: NDArray[np.uint8],
        k: int,
        *,
        heap: bool,
        threads: int,
        allowed: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.int64]:
        """Sorted distances (Q, k), among the items of a bitmap if there is one."""
        faiss.omp_set_num_threads(threads)
        self.index.use_heap = heap
        chosen = allowed is not None and faiss.SearchParameters(sel=faiss.IDSelectorBitmap(allowed))
        distances, _ = self.index.search(queries, k, params=chosen or None)
        return np.sort(distances, axis=1).astype(np.int64)


class FaissBits:
    """IndexPQ with the bits themselves as its codebook: an inner product with the bits, exact."""

    def __init__(self, codes: NDArray[np.uint8]) -> None:
        width = codes.shape[1]
        self.index = faiss.IndexPQ(8 * width, width, 8, faiss.METRIC_INNER_PRODUCT)
        bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32)
        faiss.copy_array_to_vector(np.tile(bits.ravel(), width), self.index.pq.centroids)
        faiss.copy_array_to_vector(codes.ravel(), self.index.codes)
        self.index.is_trained, self.index.ntotal = True, len(codes)

    def search(self, weight: NDArray[np.float32], k: int, *, threads: int) -> NDArray[np.float32]:
        """The k highest w . b of one attribute, (k,)."""
        faiss.omp_set_num_threads(threads)
        return np.asarray(self.index.search(weight[None], k)[0][0])


def usearch_exact(
    codes: NDArray[np.uint8], queries: NDArray[np.uint8], k: int, *, threads: int
) -> NDArray[np.int64]:
    """Sorted distances (Q, k)."""
    found = search(codes, queries, k, MetricKind.Hamming, exact=True, threads=threads)
    return np.sort(np.atleast_2d(found.distances), axis=1).astype(np.int64)


def numpy_exact(codes: NDArray[np.uint8], queries: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
    """Sorted distances (Q, k)."""
    words = codes.view(np.uint64)
    rows = [
        np.bitwise_count(words ^ query).sum(axis=1, dtype=np.int64)
        for query in queries.view(np.uint64)
    ]
    return np.array([np.sort(np.partition(row, k - 1)[:k]) for row in rows])


def numpy_probabilities(
    codes: NDArray[np.uint8],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    wanted: NDArray[np.bool_],
    k: int,
) -> NDArray[np.float64]:
    """The k highest joint probabilities by unpacking and multiplying, (k,)."""
    products = np.empty(len(codes))
    sign = np.where(wanted, 1, -1)
    for start in range(0, len(codes), 1 << 16):
        bits = np.unpackbits(codes[start : start + (1 << 16)], axis=1).astype(np.float32)
        scores = (bits @ weight.T + bias) * sign
        products[start : start + (1 << 16)] = (1 / (1 + np.exp(-scores))).prod(axis=1)
    return np.sort(np.partition(products, -k)[-k:])[::-1]
