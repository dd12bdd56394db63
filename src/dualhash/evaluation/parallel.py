"""Runs work on all processors, in Python threads.

The compiled parts of an evaluation release Python's lock. Python threads sleep while they wait;
those of OpenMP spin, which slows down a busy machine. The threads of torch are not affected.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def on_all_processors(work: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[Result]:
    """Yields `work(part)` of each of `parts`, in their order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(work, parts)
