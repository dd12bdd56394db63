"""Which codes have which attributes."""

import math

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.heads import LinearHead
from dualhash.search.kernels.blocks import BLOCK, Bitmap, Blocks, Words
from dualhash.search.kernels.compiled import compiled
from dualhash.search.kernels.lanes import WIDTH, less, lowest
from dualhash.search.kernels.linear import (
    Planes,
    enough,
    exact,
    needed,
    rounded,
    steps_of_eight,
    tables,
)
from dualhash.search.kernels.shards import in_shards

PLANES = 6

_ALL = np.uint64(0xFF)


def present(
    blocks: Blocks,
    head: LinearHead,
    *,
    threshold: float = 0.5,
    threads: int = 1,
) -> NDArray[np.uint64]:
    """Which codes have each of p attributes: bitmaps (p, blocks) of p_j >= threshold.

    p_j >= t is w_j . b + c_j >= log(t / (1 - t)), one comparison (section 3.5).
    """
    weight, bias = head.summable
    planes, table = rounded(weight, bias, PLANES), tables(weight)
    score = math.log(threshold / (1 - threshold))
    bitmaps = np.zeros((len(head.names), len(blocks.everything)), np.uint64)

    def mark(start: int, stop: int) -> None:
        _mark(blocks.words, blocks.everything, start, stop, planes, table, bias, score, bitmaps)

    in_shards(mark, len(blocks.everything), threads)
    return bitmaps


@compiled
def _mark(
    words: Words,
    existing: Bitmap,
    start: int,
    stop: int,
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
    for block in range(start, stop):
        for which in range(len(bias)):
            marked = np.uint64(0)
            for lane in range(0, BLOCK, WIDTH):
                steps = steps_of_eight(flat, block * length * BLOCK + lane, length, planes, which)
                below = less(steps, surely[which])
                marked |= (_ALL ^ below) << np.uint64(lane)
                unclear = below & ~less(steps, maybe[which])
                while unclear:
                    place = lane + lowest(unclear)
                    unclear &= unclear - np.uint64(1)
                    if exact(flat, block, place, length, table[which], bias[which]) >= score:
                        marked |= np.uint64(1) << np.uint64(place)
            bitmaps[which, block] = marked & existing[block]
