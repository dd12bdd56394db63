"""Codes as the kernels read them, and sets of codes as bitmaps."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.hamming import as_words
from dualhash.search.kernels.compiled import compiled
from dualhash.search.kernels.lanes import population

BLOCK = 64
"""Codes in a block: a bitmap has one word a block."""

SPARE = 1 / 8
"""Room for further codes, as a part of those there are, whenever memory is reserved."""

MOST_JUMPS = 4

_LINE = 64
_EVERY_GROUP = np.uint64(0xFF)
_LOWEST_BITS = np.uint64(0x0101010101010101)
_GATHER = np.uint64(0x0102040810204080)

Words = NDArray[np.uint64]

Bitmap = NDArray[np.uint64]
"""A set of codes, (ceil(n/64),): bit i % 64 of word i // 64 says whether code i is in it."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """n codes in blocks of 64, word after word: word w of all 64 codes, then their word w + 1.

    The place of a code is its position. Positions should be in the order of ids, since results that
    are alike come in the order of positions.

    Attributes:
        bits: Length k of the codes.
        words: (blocks, ceil(k/64), 64) uint64; words beyond the last code are reserved.
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
        if blocks_of(total) > len(words):
            words = _reserve(total, codes.shape[1])
            filled = blocks_of(self.count)
            words[:filled] = self.words[:filled]
        for start in range(0, len(codes), 1 << 20):
            _spread_out(as_words(codes[start : start + (1 << 20)]), self.count + start, words)
        return Blocks(self.bits, words, total)

    @cached_property
    def everything(self) -> Bitmap:
        """The set of all codes."""
        bitmap = np.full(blocks_of(self.count), ~np.uint64(0))
        if self.count % BLOCK:
            bitmap[-1] = (1 << self.count % BLOCK) - 1
        return bitmap

    def after(self, blocks: int) -> "Blocks":
        """These codes without the first so many blocks, in the same memory; not to be extended."""
        return Blocks(self.bits, self.words[blocks:], self.count - blocks * BLOCK)

    def codes(self, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Packed codes (m, k/8) at m positions."""
        words = self.words[positions // BLOCK, :, positions % BLOCK]
        return np.ascontiguousarray(words).view(np.uint8)[:, : self.bits // 8]


def blocks_of(count: int) -> int:
    """How many blocks hold so many codes."""
    return -(-count // BLOCK)


def bitmap(members: NDArray[np.bool_]) -> Bitmap:
    """The set of codes i for which members[i], from (n,) bool."""
    padded = np.zeros(blocks_of(len(members)) * BLOCK, np.bool_)
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
    return bool(int(bitmap[position // BLOCK]) >> position % BLOCK & 1)


@compiled
def groups(members: np.uint64) -> np.uint64:
    """Which groups of eight codes of a block to look at, bit g for codes 8g to 8g + 7.

    Those in which there is a member; or all, where there are so many that to jump from one to the
    next costs more than to look at codes that do not matter.
    """
    some = members | (members >> np.uint64(4))
    some |= some >> np.uint64(2)
    some |= some >> np.uint64(1)
    found = ((some & _LOWEST_BITS) * _GATHER) >> np.uint64(56)
    return _EVERY_GROUP if population(found) > MOST_JUMPS else found


def _reserve(count: int, width: int) -> NDArray[np.uint64]:
    """Room for codes of `width` bytes and some to spare, aligned with the lines of the cache."""
    shape = (blocks_of(int(count * (1 + SPARE))), -(-width // 8), BLOCK)
    octets = np.empty(8 * int(np.prod(shape)) + _LINE, np.uint8)
    start = -octets.ctypes.data % _LINE
    return octets[start : start + 8 * int(np.prod(shape))].view(np.uint64).reshape(shape)


@compiled
def _spread_out(codes: Words, position: int, words: Words) -> None:
    for row in range(len(codes)):
        block, lane = divmod(position + row, BLOCK)
        for word in range(codes.shape[1]):
            words[block, word, lane] = codes[row, word]
