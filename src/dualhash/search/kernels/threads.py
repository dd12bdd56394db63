"""Work on contiguous parts of the blocks, one a thread."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar

Part = TypeVar("Part")

SMALLEST = 128
"""Blocks that are not worth a thread of their own."""


def in_shards(work: Callable[[int, int], Part], blocks: int, threads: int) -> list[Part]:
    """`work(start, stop)` on parts of `blocks` blocks, in order, the parts at the same time."""
    parts = max(1, min(threads, blocks // SMALLEST))
    bounds = [blocks * part // parts for part in range(parts + 1)]
    if parts == 1:
        return [work(0, blocks)]
    waiting = [_pool(parts, os.getpid()).submit(work, *ends) for ends in pairwise(bounds[1:])]
    return [work(*bounds[:2]), *(part.result() for part in waiting)]


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """The threads of a process; one that was forked has none of those of the other."""
    return ThreadPoolExecutor(threads, thread_name_prefix="dualhash")
