"""Codes in the memory layout that the kernels read, and sets of codes as bitmaps.

A *group* is 64 codes, which share one word of a bitmap. A *run* is 512 codes, stored word by word.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.jit import compiled
from dualhash.search.kernels.simd import load_word, lowest_bit, popcount, prefetch

GROUP_SIZE = 64

SPARE_SHARE = 1 / 8
"""Memory is reserved for this share of additional codes."""

RUN_SIZE = 512
"""One word of each code of a run fills a memory page, which is read in sequence."""

_LINE = 64

FEW_MEMBERS, FEW_MEMBERS_FOR_ONE_QUERY = 9, 5
"""Up to this many allowed codes a group, codes are looked up one by one.

A single query waits for memory; with more queries, comparing takes longer than reading.
"""


Words = NDArray[np.uint64]

Ids = NDArray[np.uint32] | NDArray[np.int64]

Bitmap = NDArray[np.uint64]
"""A set of codes, (ceil(n/64),): bit i % 64 of word i // 64 is set if code i is a member."""


def as_words(codes: NDArray[np.uint8]) -> Words:
    """Returns packed codes (…, k/8) as words (…, ceil(k/64)), padded with zero bits."""
    return np.ascontiguousarray(_padded(codes, 8)).view(np.uint64)


@dataclass(frozen=True, eq=False)
class CodeMatrix:
    """n codes in runs of 512, word by word: word w of all 512 codes, then their word w + 1.

    A code is identified by its position.

    The first `ranking_bits` bits and the others begin with a word each, and zero bits fill the last
    word of both. So Hamming distances compare whole words, and linear scores sum over all words.

    Attributes:
        bits: Length of the codes.
        ranking_bits: The number of leading bits that Hamming distances compare.
        words: (runs, words of a code, 512) uint64; words beyond the last code are reserved.
        count: n.
    """

    bits: int
    ranking_bits: int
    words: NDArray[np.uint64]
    count: int

    @classmethod
    def of(cls, codes: NDArray[np.uint8], ranking_bits: int | None = None) -> "CodeMatrix":
        """Builds the matrix of packed codes (n, bits/8)."""
        return cls.empty(8 * codes.shape[1], ranking_bits).extended(codes)

    @classmethod
    def empty(cls, bits: int, ranking_bits: int | None = None, room: int = 0) -> "CodeMatrix":
        """A matrix without codes and with memory for `room` codes; by default all bits rank."""
        ranking_bits = ranking_bits or bits
        length = -(-ranking_bits // 64) - (ranking_bits - bits) // 64
        return cls(bits, ranking_bits, _reserve(room, length), 0)

    def extended(self, codes: NDArray[np.uint8]) -> "CodeMatrix":
        """Returns these codes followed by m more, packed (m, bits/8).

        Both matrices share memory if there is room, so only the newest can be extended. The older
        one can still be searched, also at the same time.

        Raises:
            DualhashError: The codes have another length.
        """
        if codes.shape[1] * 8 != self.bits:
            raise DualhashError(
                f"Codes of {codes.shape[1] * 8} bits cannot be added to codes of {self.bits} bits."
            )
        words, total = self.words, self.count + len(codes)
        if total > len(words) * RUN_SIZE:
            words = _reserve(total, words.shape[1])
            filled = -(-self.count // RUN_SIZE)
            words[:filled] = self.words[:filled]
        for start in range(0, len(codes), 1 << 20):
            part = self._words_of(codes[start : start + (1 << 20)])
            first = self.count + start
            _scatter_words(part, np.arange(first, first + len(part)), words)
        return replace(self, words=words, count=total)

    def replace(self, positions: NDArray[np.int64], codes: NDArray[np.uint8]) -> None:
        """Overwrites the codes at m positions with packed codes (m, bits/8)."""
        _scatter_words(self._words_of(codes), positions.astype(np.int64, copy=False), self.words)

    @cached_property
    def everything(self) -> Bitmap:
        """The set of all codes."""
        bitmap = np.full(groups_of_codes(self.count), ~np.uint64(0))
        if self.count % GROUP_SIZE:
            bitmap[-1] = (1 << self.count % GROUP_SIZE) - 1
        return bitmap

    def codes(self, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Returns the packed codes (m, bits/8) at m positions."""
        words = self.words[positions // RUN_SIZE, :, positions % RUN_SIZE]
        octets, first = np.ascontiguousarray(words).view(np.uint8), self.ranking_bits // 8
        rest = octets[:, -(-first // 8) * 8 :][:, : self.bits // 8 - first]
        return np.concatenate([octets[:, :first], rest], axis=1)

    def compared(self, queries: NDArray[np.uint8]) -> Words:
        """Returns the words of packed queries (…, bits/8) that Hamming distances compare."""
        return as_words(queries[..., : self.ranking_bits // 8])

    def _words_of(self, codes: NDArray[np.uint8]) -> Words:
        """Returns packed codes (m, bits/8) as words (m, words of a code)."""
        rest = codes[:, self.ranking_bits // 8 :]
        return np.concatenate([self.compared(codes), as_words(rest)], axis=1)


def spread(weight: NDArray[np.float64], ranking_bits: int) -> NDArray[np.float64]:
    """Returns weights (s, bits) in the order of the bits of words, (s, words of a code * 64).

    The bits that fill words have the weight 0.
    """
    first, rest = weight[:, :ranking_bits], weight[:, ranking_bits:]
    return np.concatenate([_padded(first, 64), _padded(rest, 64)], axis=1)


def groups_of_codes(count: int) -> int:
    """Returns how many groups hold this many codes."""
    return -(-count // GROUP_SIZE)


def bitmap(members: NDArray[np.bool_]) -> Bitmap:
    """Returns the set of codes i with members[i], from (n,) bool."""
    padded = np.zeros(groups_of_codes(len(members)) * GROUP_SIZE, np.bool_)
    padded[: len(members)] = members
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64, copy=False)


def members(bitmap: Bitmap, count: int) -> NDArray[np.bool_]:
    """Returns whether each of `count` codes is in the set, (count,) bool."""
    octets = bitmap.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, bitorder="little")[:count].view(np.bool_)


def bitmap_of(positions: NDArray[np.integer], count: int) -> Bitmap:
    """Returns the set of the codes at some of `count` positions."""
    bitmap = np.zeros(groups_of_codes(count), np.uint64)
    _set_bits(bitmap, positions)
    return bitmap


@compiled
def _set_bits(bitmap: Bitmap, positions: NDArray[np.integer]) -> None:
    for position in positions:
        group, place = divmod(position, GROUP_SIZE)
        bitmap[group] |= np.uint64(1) << np.uint64(place)


@compiled
def rows_of(ids: Ids, by_id: NDArray[np.uint32], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns how many ids are smaller than each wanted one, (m,).

    Args:
        ids: (n,), by position.
        by_id: (n,), the positions in ascending order of ids.
        wanted: (m,).
    """
    rows = np.empty(len(wanted), np.int64)
    for place in range(len(wanted)):
        low, high = 0, len(by_id)
        while low < high:
            middle = (low + high) // 2
            if ids[by_id[middle]] < wanted[place]:
                low = middle + 1
            else:
                high = middle
        rows[place] = low
    return rows


def size(bitmap: Bitmap) -> int:
    """Returns how many codes are in the set."""
    return int(np.bitwise_count(bitmap).sum(dtype=np.int64))


def has(bitmap: Bitmap, position: int) -> bool:
    """Returns whether the code at a position is in the set."""
    return bool(int(bitmap[position // GROUP_SIZE]) >> position % GROUP_SIZE & 1)


@compiled
def first_word(group: int, length: int) -> int:
    """The index of the first word of a group's first code, in the flat words of all codes."""
    return group * GROUP_SIZE // RUN_SIZE * length * RUN_SIZE + group * GROUP_SIZE % RUN_SIZE


@compiled
def are_few(bitmap: Bitmap, queries: int) -> bool:
    """Whether looking up the allowed codes of some groups is faster than reading all codes."""
    members = 0
    for word in bitmap:
        members += popcount(word)
    return members <= (FEW_MEMBERS if queries > 1 else FEW_MEMBERS_FOR_ONE_QUERY) * len(bitmap)


@compiled
def prefetch_members(words: Words, base: int, length: int, members: np.uint64) -> None:
    """Prefetches the first `length` words of the member codes of a group."""
    while members:
        place = lowest_bit(members)
        members &= members - np.uint64(1)
        for word in range(length):
            prefetch(words, base + place + word * RUN_SIZE)


@compiled
def distance_at(words: Words, start: int, length: int, queries: Words, row: int) -> int:
    """The Hamming distance of the first `length` words of a query and a code.

    The query is at word `row`, the code at word `start`.
    """
    distance = 0
    for word in range(length):
        distance += popcount(
            load_word(words, start + word * RUN_SIZE) ^ load_word(queries, row + word)
        )
    return distance


def _padded(values: NDArray[Any], multiple: int) -> NDArray[Any]:
    """Appends zeros to the last axis until its length is a multiple of a number."""
    padding = -values.shape[-1] % multiple
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, padding)]) if padding else values


def _reserve(count: int, length: int) -> NDArray[np.uint64]:
    """Allocates codes of `length` words and some spare room, aligned to cache lines."""
    shape = (-(-int(count * (1 + SPARE_SHARE)) // RUN_SIZE), length, RUN_SIZE)
    octets = np.empty(8 * int(np.prod(shape)) + _LINE, np.uint8)
    start = -octets.ctypes.data % _LINE
    return octets[start : start + 8 * int(np.prod(shape))].view(np.uint64).reshape(shape)


@compiled
def _scatter_words(codes: Words, positions: NDArray[np.int64], words: Words) -> None:
    for row in range(len(codes)):
        run, place = divmod(positions[row], RUN_SIZE)
        for word in range(codes.shape[1]):
            words[run, word, place] = codes[row, word]
