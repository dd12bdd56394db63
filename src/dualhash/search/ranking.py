"""The order of results: by key, then by id."""

import numpy as np
from numpy.typing import NDArray


def first(keys: NDArray[np.generic], ids: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Rows of the k smallest of N keys, in ascending order of (key, id).

    The first of a longer list are the shorter list, ties included.

    Args:
        keys: (N,) numbers without nan.
        ids: (N,) distinct.
        k: At least 1.

    Returns:
        (min(k, N),) rows.
    """
    rows = np.arange(len(keys))
    if k < len(keys):
        rows = np.flatnonzero(keys <= np.partition(keys, k - 1)[k - 1])
    return rows[np.lexsort((ids[rows], keys[rows]))][:k]
