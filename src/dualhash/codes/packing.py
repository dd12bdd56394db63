"""Conversion of hash-layer outputs to bits, and of bits to bytes."""

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError


def quantise(outputs: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Returns the bits of outputs in [0, 1], any shape (…, k): bit = (output > 0.5).

    Source: section 3.1. An output of exactly 0.5 is the bit 0.
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
    """Returns the bits (…, k) of packed codes (…, k/8); the inverse of `pack`."""
    return np.unpackbits(packed, axis=-1).view(np.bool_)


def check_bits(bits: int) -> None:
    """Checks the length of a code.

    Raises:
        DualhashError: It is not a positive multiple of 8.
    """
    if bits < 8 or bits % 8:
        raise DualhashError(f"The length of a code must be a positive multiple of 8, not {bits}.")
