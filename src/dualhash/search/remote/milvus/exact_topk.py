"""Exactly the best of a collection, from answers that hold so many at most and cut through ties."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.remote.milvus.collection import MOST

SEARCHES = 256
"""After so many requests a search is given up."""

NOTHING_MORE = float("inf")


@dataclass(frozen=True, eq=False)
class Found:
    """An answer.

    Attributes:
        ids: (m,) int64.
        keys: (m,) float64, exact; the smallest is the best.
        beyond: No key of what was left out is smaller; infinite where nothing was.
    """

    ids: NDArray[np.int64]
    keys: NDArray[np.float64]
    beyond: float = NOTHING_MORE

    def joined(self, other: "Found") -> "Found":
        """Both in order, by key and then by id."""
        ids, keys = np.append(self.ids, other.ids), np.append(self.keys, other.keys)
        order = np.lexsort((ids, keys))
        return Found(ids[order], keys[order], min(self.beyond, other.beyond))

    def key(self, k: int) -> float:
        """The k-th key, infinite where there are fewer."""
        return float(self.keys[k - 1]) if len(self.keys) >= k else NOTHING_MORE


Ask = Callable[[int, int, int], Found]
"""Given `low`, `high` and `limit`: about `limit` of the best with ids from low to below high."""

NOBODY = Found(np.empty(0, np.int64), np.empty(0))


def best(ask: Ask, k: int, stop: int) -> NDArray[np.int64]:
    """Ids of the k best items with ids below `stop`, by key and then by id.

    An answer is enough where everything it left out is worse than the k-th. Where it is not, more
    is asked for; and where an answer cannot be larger, for the lower and the upper half of the ids
    by themselves. The upper half need then only hold what is better than the k-th of the lower.

    Raises:
        DualhashError: More items than can be gone through are as good as the k-th.
    """
    sure = NOBODY

    def enough(found: Found) -> bool:
        nonlocal sure
        both = sure.joined(found)
        if not (found.beyond > both.key(k) or found.beyond >= sure.key(k)):
            return False
        sure = Found(both.ids[:k], both.keys[:k])
        return True

    _ask_until(
        enough,
        ask,
        min(4 * k, MOST),
        stop,
        f"Too many items are as good as that in place {k}. Ask for other values, or filter.",
    )
    return sure.ids


def within(ask: Ask, worst: float, stop: int) -> NDArray[np.int64]:
    """Ids of all items with ids below `stop` whose key is at most `worst`, by key and then by id.

    Raises:
        DualhashError: There are more than can be gone through.
    """
    sure = NOBODY

    def enough(found: Found) -> bool:
        nonlocal sure
        if not found.beyond > worst:
            return False
        inside = found.keys <= worst
        sure = sure.joined(Found(found.ids[inside], found.keys[inside]))
        return True

    _ask_until(
        enough,
        ask,
        MOST,
        stop,
        "Too many items are within that range of distances. Ask for a smaller one, or filter.",
    )
    return sure.ids


def _ask_until(
    enough: Callable[[Found], bool], ask: Ask, first: int, stop: int, too_many: str
) -> None:
    """Asks about all ids from 0 to below `stop`, ascending, in ranges with a sufficient answer."""
    ranges, limit = [(0, stop)], first
    for _ in range(SEARCHES):
        if not ranges:
            return
        low, high = ranges.pop()
        if enough(ask(low, high, limit)):
            continue
        if limit < MOST:
            limit = MOST
            ranges.append((low, high))
        else:
            middle = (low + high) // 2
            ranges += [(middle, high), (low, middle)]
    if ranges:
        raise DualhashError(too_many)
