"""Reads the codes that an index file stores."""

import numpy as np
from numpy.typing import NDArray

from dualhash.search import Index


def stored(index: Index) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Ids and packed codes of all items."""
    parts = list(index._store.codes())
    if not parts:
        return np.empty(0, np.int64), np.empty((0, index.header.bits // 8), np.uint8)
    ids, codes = zip(*parts, strict=True)
    return np.concatenate(ids), np.concatenate(codes)
