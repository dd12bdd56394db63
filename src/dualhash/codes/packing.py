"""Outputs of the hash layer to bits, and bits to bytes."""

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError


def quantise(outputs: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Bits of hash layer outputs in [0, 1], any shape (…, k): bit = (output > 0.5).

    Source: Section 3.1; an output of exactly 0.5 is the bit 0.
    """
    return np.asarray(outputs) > 0.5


def pack(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Packs bits (…, k) into bytes (…, k/8); bit i of the code is bit 7 - i % 8 of byte i // 8.

    Raises:
        DualhashError: k is not a multiple of 8.
    """
    check_bits(bits.shape[-1])
    return np.packbits(bits, axis=-1)


def unpack(packed: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Bits (…, k) of packed codes (…, k/8), as `pack` takes them."""
    return np.unpackbits(packed, axis=-1).view(np.bool_)


def check_bits(bits: int) -> None:
    """Refuses lengths of a code that are not a positive multiple of 8."""
    if bits < 8 or bits % 8:
        raise DualhashError(f"A code has a multiple of 8 bits, at least 8, not {bits}.")
