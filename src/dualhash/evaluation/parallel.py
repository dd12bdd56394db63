"""Work on all processors, in plain threads.

The compiled parts of an evaluation release Python's lock, so that threads of Python's own can share
them. Those sleep while they wait, where OpenMP's spin and on a busy machine take the processors
from each other, and they leave alone the threads that torch computes with.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def on_all_processors(work: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[Result]:
    """What `work` makes of each of `parts`, in their order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(work, parts)
