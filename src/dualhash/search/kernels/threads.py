"""Work on contiguous ranges of code groups, one range a thread."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar

Part = TypeVar("Part")

FEWEST_GROUPS = 128
"""A thread of its own pays off from this many groups."""


def run_in_threads(
    work: Callable[[int, int], Part], groups: int, threads: int, *, fewest: int | None = None
) -> list[Part]:
    """Calls `work(start, stop)` on ranges of `groups` groups in parallel; results in order.

    No thread gets fewer than `fewest` groups, by default `FEWEST_GROUPS`.
    """
    parts = max(1, min(threads, groups // (fewest or FEWEST_GROUPS)))
    bounds = [groups * part // parts for part in range(parts + 1)]
    if parts == 1:
        return [work(0, groups)]
    futures = [_pool(parts, os.getpid()).submit(work, *ends) for ends in pairwise(bounds[1:])]
    return [work(*bounds[:2]), *(future.result() for future in futures)]


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """The threads of a process; a forked process does not inherit those of its parent."""
    return ThreadPoolExecutor(threads, thread_name_prefix="dualhash")
