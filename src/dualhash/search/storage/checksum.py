"""Checksums of what stands in an index file."""

import zlib

Value = int | str | bytes | None


def checksum(*values: Value) -> int:
    """CRC-32 of values, one after the other.

    Of each: a letter for its kind (n for null, i integer, t text, b blob), what it is (nothing, its
    decimal digits, UTF-8, its bytes), and a zero byte.
    """
    total = 0
    for value in values:
        kind, octets = _described(value)
        total = zlib.crc32(b"\0", zlib.crc32(octets, zlib.crc32(kind, total)))
    return total


def _described(value: Value) -> tuple[bytes, bytes]:
    if value is None:
        return b"n", b""
    if isinstance(value, bytes):
        return b"b", value
    return b"t" if isinstance(value, str) else b"i", str(value).encode()
