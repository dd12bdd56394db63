"""Linear scores w . b + c of codes: bounds for many codes at once, and exact values."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.packing import pack
from dualhash.jit import compiled
from dualhash.search.kernels.layout import Words, as_words
from dualhash.search.kernels.simd import (
    add_masked_distance,
    broadcast,
    double,
    load_lanes,
    load_word,
)

MARGIN = 1e-6
"""Relative to a score; larger than the rounding errors of scores and probabilities."""


class RoundedWeights(NamedTuple):
    """s linear functions whose weights are rounded to a few bits, so that popcounts can sum them.

    A negative weight counts if its bit is 0: w b = w + |w| (1 - b). With |w| close to unit * u,
    where u is an integer of a few bits, a score is at most base + above + unit * U and at least
    base - below + unit * U. U is the sum of the counted u: a weighted sum of popcounts, one for
    each bit of u.

    Attributes:
        flips: (s * words,) uint64, the bits with a negative weight.
        masks: (s * weight bits * words,) uint64, the bits of u, highest first.
        base: (s,) the score if no weight counts.
        unit: (s,) positive.
        above: (s,) upper bound of what rounding removed.
        below: (s,) upper bound of what rounding added.
    """

    flips: NDArray[np.uint64]
    masks: NDArray[np.uint64]
    base: NDArray[np.float64]
    unit: NDArray[np.float64]
    above: NDArray[np.float64]
    below: NDArray[np.float64]


def round_weights(
    weight: NDArray[np.float64], bias: NDArray[np.float64], weight_bits: int
) -> RoundedWeights:
    """Rounds weights (s, words * 64) to a sign and `weight_bits` bits; biases are (s,)."""
    size = np.abs(weight)
    unit = size.max(axis=1, initial=0, keepdims=True) / (2**weight_bits - 1)
    unit[unit == 0] = 1
    steps = np.rint(size / unit).astype(np.int64)
    places = np.arange(weight_bits)[::-1]
    lost = size - steps * unit
    return RoundedWeights(
        flips=as_words(pack(weight < 0)).ravel(),
        masks=as_words(pack(steps[:, None] >> places[:, None] & 1 == 1)).ravel(),
        base=bias + np.minimum(weight, 0).sum(axis=1),
        unit=unit[:, 0],
        above=np.maximum(lost, 0).sum(axis=1),
        below=np.maximum(-lost, 0).sum(axis=1),
    )


@compiled
def needed_sum(rounded: RoundedWeights, which: int, score: float) -> int:
    """A score of at least `score` is impossible with a smaller rounded sum than this."""
    return int(np.floor(_steps(rounded, which, score - MARGIN * (1 + abs(score)), rounded.above)))


@compiled
def sufficient_sum(rounded: RoundedWeights, which: int, score: float) -> int:
    """With this rounded sum or a larger one, the score is at least `score`."""
    return int(np.ceil(_steps(rounded, which, score + MARGIN * (1 + abs(score)), -rounded.below)))


@compiled
def _steps(rounded: RoundedWeights, which: int, score: float, slack: NDArray[np.float64]) -> float:
    steps = (score - rounded.base[which] - slack[which]) / rounded.unit[which]
    bounded: float = min(max(steps, -1e15), 1e15)
    return bounded


@compiled
def rounded_sums(
    words: Words, base: int, stride: int, length: int, rounded: RoundedWeights, which: int
) -> Any:
    """The rounded sums of the codes whose first words are at `base`, one code a lane."""
    count = len(rounded.masks) // len(rounded.flips)
    total = broadcast(0)
    for plane in range(count):
        total = double(total)
        for word in range(length):
            total = add_masked_distance(
                total,
                load_lanes(words, base + word * stride),
                load_word(rounded.flips, which * length + word),
                load_word(rounded.masks, (which * count + plane) * length + word),
            )
    return total


def byte_tables(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums weights (s, words * 64) over each value of each byte, (s, words * 8, 256).

    Sums of a head's rounded weights are exact, so the order of summation does not matter.
    """
    values = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float64)
    bytewise = weight.reshape(len(weight), weight.shape[1] // 8, 8)
    sums: NDArray[np.float64] = np.einsum("sbi,vi->sbv", bytewise, values)
    return sums


@compiled
def exact_score(
    words: Words, start: int, stride: int, length: int, table: NDArray[np.float64], bias: float
) -> np.float32:
    """The score of the code whose first word is at `start`, from a table (words * 8, 256)."""
    total = bias
    for word in range(length):
        code = load_word(words, start + word * stride)
        for byte in range(8):
            total += table[word * 8 + byte, (code >> np.uint64(8 * byte)) & np.uint64(255)]
    return np.float32(total)
