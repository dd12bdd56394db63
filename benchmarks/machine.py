"""The machine of a benchmark: processor, versions and memory bandwidth."""

import os
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

import llvmlite.binding
import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import in_turns
from dualhash.search.kernels.simd import (
    WIDTH,
    bitwise_or,
    broadcast,
    load_lanes,
    negative_lanes,
    prefetch_lanes,
)

AHEAD = 1 << 10
"""Prefetch distance in words, about that of the kernels."""


SIMD = ("amx-bf16", "avx512bf16", "avx512vpopcntdq", "avx512f", "avx2", "neon", "sve")


def machine(
    packages: Sequence[str] = ("numpy", "numba", "llvmlite", "faiss-cpu", "usearch"),
) -> dict[str, object]:
    """Processor, cores, vector instructions and the versions of packages."""
    features = llvmlite.binding.get_host_cpu_features()
    simd = [name for name in SIMD if features.get(name)]
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "simd": simd,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def bandwidth(words: NDArray[np.uint64], repeats: int) -> dict[str, float]:
    """Returns bytes a second that 1 and 2 threads can read."""
    with ThreadPoolExecutor(2) as pool:
        things: dict[str, Callable[[], object]] = {}
        for threads in (1, 2):
            size = len(words) // threads
            parts = [words[size * part : size * (part + 1)] for part in range(threads)]
            things[str(threads)] = partial(_all, pool, parts)
        return {name: words.nbytes / each for name, each in in_turns(things, repeats).items()}


def _all(pool: ThreadPoolExecutor, parts: list[NDArray[np.uint64]]) -> list[int]:
    return list(pool.map(_read, parts))


@numba.njit(nogil=True)  # the cache of `compiled` would not notice changes of `simd`
def _read(words: NDArray[np.uint64]) -> int:
    seen = broadcast(0)
    for start in range(0, len(words) - WIDTH, WIDTH):
        prefetch_lanes(words, start + AHEAD)
        seen = bitwise_or(seen, load_lanes(words, start))
    found: int = negative_lanes(seen)
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
