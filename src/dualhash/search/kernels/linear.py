"""Scores w . b + c of codes: bounds of eight at once from a few population counts, and exactly."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.packing import pack
from dualhash.search.hamming import as_words
from dualhash.search.kernels.jit import compiled
from dualhash.search.kernels.layout import Words
from dualhash.search.kernels.simd import (
    add_differing_within,
    doubled,
    lanes_at,
    spread,
    word_at,
)

MARGIN = 1e-6
"""Relative to a score; more than what rounding does to scores and probabilities."""


class Planes(NamedTuple):
    """s linear functions with weights rounded to a few bits, so that counting bits sums them.

    A negative weight counts where the bit is 0: w b = w + |w| (1 - b). With |w| close to unit * u,
    u an integer of `planes` bits, a score is at most base + above + unit * U and at least
    base - below + unit * U, where U, the sum of the u that count, is a weighted sum of population
    counts, one a bit of u.

    Attributes:
        flips: (s * words,) uint64, where weights are negative.
        masks: (s * planes * words,) uint64, the bits of u, highest first.
        base: (s,) the score where nothing counts.
        unit: (s,) positive.
        above: (s,) what rounding may have taken away.
        below: (s,) what it may have added.
    """

    flips: NDArray[np.uint64]
    masks: NDArray[np.uint64]
    base: NDArray[np.float64]
    unit: NDArray[np.float64]
    above: NDArray[np.float64]
    below: NDArray[np.float64]


def rounded(weight: NDArray[np.float64], bias: NDArray[np.float64], planes: int) -> Planes:
    """Weights (s, k) and biases (s,) rounded to `planes` bits and a sign."""
    size = np.abs(weight)
    unit = size.max(axis=1, initial=0, keepdims=True) / (2**planes - 1)
    unit[unit == 0] = 1
    steps = np.rint(size / unit).astype(np.int64)
    places = np.arange(planes)[::-1]
    lost = size - steps * unit
    return Planes(
        flips=as_words(pack(weight < 0)).ravel(),
        masks=as_words(pack(steps[:, None] >> places[:, None] & 1 == 1)).ravel(),
        base=bias + np.minimum(weight, 0).sum(axis=1),
        unit=unit[:, 0],
        above=np.maximum(lost, 0).sum(axis=1),
        below=np.maximum(-lost, 0).sum(axis=1),
    )


@compiled
def needed(planes: Planes, which: int, score: float) -> int:
    """With a smaller sum of steps than this, a score cannot be `score` or more."""
    return int(np.floor(_steps(planes, which, score - MARGIN * (1 + abs(score)), planes.above)))


@compiled
def enough(planes: Planes, which: int, score: float) -> int:
    """With this sum of steps or more, a score cannot be less than `score`."""
    return int(np.ceil(_steps(planes, which, score + MARGIN * (1 + abs(score)), -planes.below)))


@compiled
def _steps(planes: Planes, which: int, score: float, slack: NDArray[np.float64]) -> float:
    steps = (score - planes.base[which] - slack[which]) / planes.unit[which]
    bounded: float = min(max(steps, -1e15), 1e15)
    return bounded


@compiled
def steps_from(
    words: Words, base: int, stride: int, length: int, planes: Planes, which: int
) -> Any:
    """Sums of steps of the codes, one a lane, whose first words stand at `base`."""
    count = len(planes.masks) // len(planes.flips)
    total = spread(0)
    for plane in range(count):
        total = doubled(total)
        for word in range(length):
            total = add_differing_within(
                total,
                lanes_at(words, base + word * stride),
                word_at(planes.flips, which * length + word),
                word_at(planes.masks, (which * count + plane) * length + word),
            )
    return total


def tables(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of weights (s, k) over the bits of each value of each byte, (s, words * 8, 256).

    Sums of the rounded weights of a head are exact, so it does not matter how they are split.
    """
    functions, bits = weight.shape
    padded = np.zeros((functions, -(-bits // 64) * 64))
    padded[:, :bits] = weight
    values = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float64)
    bytewise = padded.reshape(functions, -1, 8)
    sums: NDArray[np.float64] = np.einsum("sbi,vi->sbv", bytewise, values)
    return sums


@compiled
def exact(
    words: Words, start: int, stride: int, length: int, table: NDArray[np.float64], bias: float
) -> np.float32:
    """The score of the code whose first word stands at `start`, from a table (words * 8, 256)."""
    total = bias
    for word in range(length):
        code = word_at(words, start + word * stride)
        for byte in range(8):
            total += table[word * 8 + byte, (code >> np.uint64(8 * byte)) & np.uint64(255)]
    return np.float32(total)
