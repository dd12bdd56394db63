"""Which codes have which attributes."""

import math

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.search.kernels.jit import compiled
from dualhash.search.kernels.layout import CODES_PER_GROUP, RUN, Bitmap, Blocks, Words, start_of
from dualhash.search.kernels.linear import (
    Planes,
    enough,
    exact,
    needed,
    rounded,
    steps_from,
    tables,
)
from dualhash.search.kernels.simd import ALL_LANES, WIDTH, less, lowest
from dualhash.search.kernels.threads import in_shards

PLANES = 6


def present(
    blocks: Blocks,
    head: LinearHead,
    *,
    threshold: float = 0.5,
    first: int = 0,
    threads: int = 1,
) -> NDArray[np.uint64]:
    """Which codes have each of p attributes: bitmaps (p, blocks) of p_j >= threshold.

    Blocks before `first` are left out.

    p_j >= t is w_j . b + c_j >= log(t / (1 - t)), one comparison (section 3.5).
    """
    weight, bias = head.summable
    planes, table = rounded(weight, bias, PLANES), tables(weight)
    score = math.log(threshold / (1 - threshold))
    last = len(blocks.everything)
    bitmaps = np.zeros((len(head.names), last - first), np.uint64)

    def mark(start: int, stop: int) -> None:
        existing = blocks.everything[first + start : first + stop]
        marked = bitmaps[:, start:stop]
        _mark(blocks.words, first + start, existing, planes, table, bias, score, marked)

    in_shards(mark, last - first, threads)
    return bitmaps


@compiled
def _mark(
    words: Words,
    first: int,
    existing: Bitmap,
    planes: Planes,
    table: NDArray[np.float64],
    bias: NDArray[np.float64],
    score: float,
    bitmaps: Words,
) -> None:
    length = words.shape[1]
    flat = words.reshape(-1)
    maybe = np.array([needed(planes, which, score) for which in range(len(bias))])
    surely = np.array([enough(planes, which, score) for which in range(len(bias))])
    for block in range(len(existing)):
        base = start_of(first + block, length)
        for which in range(len(bias)):
            marked = np.uint64(0)
            for lane in range(0, CODES_PER_GROUP, WIDTH):
                steps = steps_from(flat, base + lane, RUN, length, planes, which)
                below = less(steps, surely[which])
                marked |= (ALL_LANES ^ below) << np.uint64(lane)
                unclear = below & ~less(steps, maybe[which])
                while unclear:
                    place = lane + lowest(unclear)
                    unclear &= unclear - np.uint64(1)
                    if exact(flat, base + place, RUN, length, table[which], bias[which]) >= score:
                        marked |= np.uint64(1) << np.uint64(place)
            bitmaps[which, block] = marked & existing[block]
