"""Codes as the kernels read them, and sets of codes as bitmaps."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.hamming import as_words
from dualhash.search.kernels.jit import compiled
from dualhash.search.kernels.simd import fetch, lowest, population, word_at

CODES_PER_GROUP = 64
"""Codes in a block: a bitmap has one word a block."""

SPARE = 1 / 8
"""Room for further codes, as a part of those there are, whenever memory is reserved."""

RUN = 512
"""Codes whose words of one place stand together: a page of memory, which is read as one."""

_LINE = 64

FEW, FEW_FOR_ONE = 9, 5
"""Codes a block that are looked up one by one, rather than the whole block read.

Where there is one query, reading a block is waited for; where there are more, comparing it is.
"""


Words = NDArray[np.uint64]

Bitmap = NDArray[np.uint64]
"""A set of codes, (ceil(n/64),): bit i % 64 of word i // 64 says whether code i is in it."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """n codes in runs of 512, word after word: word w of all 512 codes, then their word w + 1.

    The place of a code is its position. Positions should be in the order of ids, since results that
    are alike come in the order of positions.

    Attributes:
        bits: Length k of the codes.
        words: (runs, ceil(k/64), 512) uint64; words beyond the last code are reserved.
        count: n.
    """

    bits: int
    words: NDArray[np.uint64]
    count: int

    @classmethod
    def of(cls, codes: NDArray[np.uint8]) -> "Blocks":
        """Blocks of packed codes (n, k/8)."""
        return cls.empty(8 * codes.shape[1]).extended(codes)

    @classmethod
    def empty(cls, bits: int, room: int = 0) -> "Blocks":
        """No codes, with room for that many of `bits` bits."""
        return cls(bits, _reserve(room, bits // 8), 0)

    def extended(self, codes: NDArray[np.uint8]) -> "Blocks":
        """These codes and m more, packed (m, k/8).

        Both share memory where there is room, so only the newest can be extended. The older one may
        be searched at the same time.

        Raises:
            DualhashError: The codes are of another length.
        """
        if codes.shape[1] * 8 != self.bits:
            raise DualhashError(f"Codes of {codes.shape[1] * 8} bits among codes of {self.bits}.")
        words, total = self.words, self.count + len(codes)
        if total > len(words) * RUN:
            words = _reserve(total, codes.shape[1])
            filled = -(-self.count // RUN)
            words[:filled] = self.words[:filled]
        for start in range(0, len(codes), 1 << 20):
            _spread_out(as_words(codes[start : start + (1 << 20)]), self.count + start, words)
        return Blocks(self.bits, words, total)

    def replace(self, positions: NDArray[np.int64], codes: NDArray[np.uint8]) -> None:
        """Writes packed codes (m, k/8) over those at m positions."""
        self.words[positions // RUN, :, positions % RUN] = as_words(codes)

    @cached_property
    def everything(self) -> Bitmap:
        """The set of all codes."""
        bitmap = np.full(blocks_of(self.count), ~np.uint64(0))
        if self.count % CODES_PER_GROUP:
            bitmap[-1] = (1 << self.count % CODES_PER_GROUP) - 1
        return bitmap

    def codes(self, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Packed codes (m, k/8) at m positions."""
        words = self.words[positions // RUN, :, positions % RUN]
        return np.ascontiguousarray(words).view(np.uint8)[:, : self.bits // 8]


def blocks_of(count: int) -> int:
    """How many blocks hold so many codes."""
    return -(-count // CODES_PER_GROUP)


def bitmap(members: NDArray[np.bool_]) -> Bitmap:
    """The set of codes i for which members[i], from (n,) bool."""
    padded = np.zeros(blocks_of(len(members)) * CODES_PER_GROUP, np.bool_)
    padded[: len(members)] = members
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64, copy=False)


def members(bitmap: Bitmap, count: int) -> NDArray[np.bool_]:
    """Whether each of `count` codes is in the set, (count,) bool."""
    octets = bitmap.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, bitorder="little")[:count].view(np.bool_)


def size(bitmap: Bitmap) -> int:
    """How many codes are in the set."""
    return int(np.bitwise_count(bitmap).sum(dtype=np.int64))


def has(bitmap: Bitmap, position: int) -> bool:
    """Whether the code at a position is in the set."""
    return bool(int(bitmap[position // CODES_PER_GROUP]) >> position % CODES_PER_GROUP & 1)


@compiled
def start_of(block: int, length: int) -> int:
    """Where the first word of a block's first code stands in the flat words of all."""
    return block * CODES_PER_GROUP // RUN * length * RUN + block * CODES_PER_GROUP % RUN


@compiled
def are_few(bitmap: Bitmap, queries: int) -> bool:
    """Whether the members of some blocks are better looked up one by one for so many queries."""
    members = 0
    for word in bitmap:
        members += population(word)
    return members <= (FEW if queries > 1 else FEW_FOR_ONE) * len(bitmap)


@compiled
def fetch_members(words: Words, base: int, length: int, members: np.uint64) -> None:
    """Asks the memory for the codes of a block that are members."""
    while members:
        place = lowest(members)
        members &= members - np.uint64(1)
        for word in range(length):
            fetch(words, base + place + word * RUN)


@compiled
def distance_at(words: Words, start: int, length: int, queries: Words, row: int) -> int:
    """From the query whose words stand at `row` to the code whose first word stands at `start`."""
    distance = 0
    for word in range(length):
        distance += population(word_at(words, start + word * RUN) ^ word_at(queries, row + word))
    return distance


def _reserve(count: int, width: int) -> NDArray[np.uint64]:
    """Room for codes of `width` bytes and some to spare, aligned with the lines of the cache."""
    shape = (-(-int(count * (1 + SPARE)) // RUN), -(-width // 8), RUN)
    octets = np.empty(8 * int(np.prod(shape)) + _LINE, np.uint8)
    start = -octets.ctypes.data % _LINE
    return octets[start : start + 8 * int(np.prod(shape))].view(np.uint64).reshape(shape)


@compiled
def _spread_out(codes: Words, position: int, words: Words) -> None:
    for row in range(len(codes)):
        run, place = divmod(position + row, RUN)
        for word in range(codes.shape[1]):
            words[run, word, place] = codes[row, word]
