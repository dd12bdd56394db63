import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dualhash.search.storage.rows import checksum, portable


def test_checksum_hand_worked_example():
    assert checksum() == 0
    assert checksum(-12, "é", None, b"\x01") == zlib.crc32(b"i-12\0t\xc3\xa9\0n\0b\x01\0")
    assert checksum("a") != checksum(b"a")
    assert checksum("") != checksum(None)


@given(st.binary(min_size=1), st.data())
def test_a_flipped_bit_changes_the_checksum(octets: bytes, data: st.DataObject):
    flipped = bytearray(octets)
    place = data.draw(st.integers(0, len(octets) - 1))
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    assert checksum(7, octets) != checksum(7, bytes(flipped))


def test_paths_inside_a_folder_are_stored_relative_to_it(tmp_path: Path):
    assert portable(tmp_path / "a" / ".." / "b" / "c.png", tmp_path) == "b/c.png"
    assert portable(tmp_path / "x.png", tmp_path / "deep") == str(tmp_path / "x.png")
