import zlib

from hypothesis import given
from hypothesis import strategies as st

from dualhash.search.storage.checksum import checksum


def test_by_hand():
    assert checksum() == 0
    assert checksum(-12, "é", None, b"\x01") == zlib.crc32(b"i-12\0t\xc3\xa9\0n\0b\x01\0")
    assert checksum("a") != checksum(b"a")
    assert checksum("") != checksum(None)


@given(st.binary(min_size=1), st.data())
def test_a_flipped_bit_changes_it(octets: bytes, data: st.DataObject):
    flipped = bytearray(octets)
    place = data.draw(st.integers(0, len(octets) - 1))
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    assert checksum(7, octets) != checksum(7, bytes(flipped))
