"""The exact best of a collection, from responses of limited size that cut through ties."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.remote.milvus.collection import MAX_ROWS

MAX_REQUESTS = 256
"""Requests after which a search is given up."""

COMPLETE = float("inf")
"""`Keys.beyond` of a response that left nothing out."""


@dataclass(frozen=True, eq=False)
class Keys:
    """Items with the keys that rank them.

    Attributes:
        ids: (m,) int64.
        keys: (m,) float64, exact; the smallest is the best.
        beyond: No key that was left out is smaller; `COMPLETE` if nothing was left out.
    """

    ids: NDArray[np.int64]
    keys: NDArray[np.float64]
    beyond: float = COMPLETE

    def joined(self, other: "Keys") -> "Keys":
        """Returns the items of both, ordered by key and then by id."""
        ids, keys = np.append(self.ids, other.ids), np.append(self.keys, other.keys)
        order = np.lexsort((ids, keys))
        return Keys(ids[order], keys[order], min(self.beyond, other.beyond))

    def key(self, k: int) -> float:
        """Returns the k-th key; infinity if there are fewer."""
        return float(self.keys[k - 1]) if len(self.keys) >= k else COMPLETE


Fetch = Callable[[int, int, int], Keys]
"""Given `low`, `high` and `limit`: about `limit` of the best items with low <= id < high."""

EMPTY = Keys(np.empty(0, np.int64), np.empty(0))


def best(fetch: Fetch, k: int, stop: int) -> Keys:
    """Returns the k best items with ids below `stop`, ordered by key and then by id.

    Raises:
        DualhashError: Too many items are as good as the k-th.
    """
    too_many = f"Too many items are as good as the one at rank {k}. Choose other values, or filter."
    return _collect(fetch, stop, k, COMPLETE, too_many)


def within(fetch: Fetch, worst: float, stop: int) -> Keys:
    """Returns all items with ids below `stop` and keys of at most `worst`, in the same order.

    Raises:
        DualhashError: There are too many.
    """
    too_many = "Too many items are within that radius. Choose a smaller one, or filter."
    return _collect(fetch, stop, sys.maxsize, worst, too_many)


def _collect(fetch: Fetch, stop: int, k: int, worst: float, too_many: str) -> Keys:
    """Fetches ranges of ids, ascending, and keeps the k best of the keys of at most `worst`.

    A response is sufficient if everything that it left out is worse than `worst` or than the k-th
    item. If it is not, more items are requested; at the largest limit, the lower and the upper half
    of the ids separately. The upper half then only needs what is better than the k-th of the lower
    half.
    """
    collected, ranges, limit = EMPTY, [(0, stop)], min(4 * k, MAX_ROWS)
    for _ in range(MAX_REQUESTS):
        low, high = ranges.pop()
        response = fetch(low, high, limit)
        both = collected.joined(response)
        if response.beyond > min(worst, both.key(k)) or response.beyond >= collected.key(k):
            kept = np.flatnonzero(both.keys <= worst)[:k]
            collected = Keys(both.ids[kept], both.keys[kept])
        elif limit < MAX_ROWS:
            limit = MAX_ROWS
            ranges.append((low, high))
        else:
            middle = (low + high) // 2
            ranges += [(middle, high), (low, middle)]
        if not ranges:
            return collected
    raise DualhashError(too_many)
