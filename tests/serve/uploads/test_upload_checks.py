"""Formats, ends of images, foreign content and missing rows."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dualhash.serve.uploads.upload_checks import (
    IMAGE_END,
    find_foreign_content,
    image_format,
    is_missing_rows,
)
from tests.serve.hostile_uploads import (
    BEHIND,
    DOS,
    FORMATS,
    PNG,
    chunk,
    image,
    image_of,
    packed,
    with_exif,
)

KINDS = ("JPEG", "PNG", "GIF", "WEBP")

WHOLE = {
    **{kind: (kind, image(kind)) for kind in FORMATS if kind != "TIFF"},
    "progressive": ("JPEG", image("JPEG", progressive=True)),
    "lossless": ("WEBP", image("WEBP", lossless=True)),
    "thumbnail within": ("JPEG", with_exif(b"MM\0*" + image("JPEG", (8, 8)))),
    "restarts": ("JPEG", image("JPEG", restart_marker_blocks=1)),
    "animated": (
        "GIF",
        packed(
            Image.new("P", (9, 9)), "GIF", save_all=True, append_images=[Image.new("P", (9, 9), 1)]
        ),
    ),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_format_is_read_from_the_content(kind: str):
    assert image_format(image(kind)) == kind
    assert image_format(image(kind)[1:]) is None


def test_films_and_raw_files_are_not_images():
    for brand in (b"mp42", b"qt  ", b"crx "):
        assert image_format(b"\0\0\0\x18ftyp" + brand + bytes(16)) is None


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("behind", [b"", b"\xff\xd9", b"\0;\0IEND", bytes(99)])
def test_the_end_of_an_image_is_found(name: str, behind: bytes):
    kind, content = WHOLE[name]
    assert IMAGE_END[kind](content + behind) == len(content)


@pytest.mark.parametrize("kind", KINDS)
@given(st.binary(max_size=200))
def test_the_end_does_not_depend_on_appended_bytes(kind: str, content: bytes):
    whole = image(kind)
    assert IMAGE_END[kind](whole + content) == len(whole)
    assert find_foreign_content(whole[: len(whole) // 2] + content[:4], kind) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("zip", "an archive"),
        ("pdf", "a document"),
        ("program", "a program"),
        ("windows program", "a program"),
        ("php", "a script or a page"),
    ],
)
def test_foreign_content_is_named(name: str, words: str):
    assert find_foreign_content(image("JPEG") + BEHIND[name], "JPEG") == words


@pytest.mark.parametrize(
    ("behind", "archive"), [(17, False), (18, True), (65_553, True), (65_554, False)]
)
def test_a_zip_archive_is_found_by_its_end(behind: int, archive: bool):
    """The end of an archive has 22 bytes, and a comment of at most 65,535."""
    content = image("PNG") + b"PK\x05\x06" + bytes(behind)
    assert find_foreign_content(content, "PNG") == ("an archive" if archive else None)


def test_many_zip_ends_take_linear_time():
    """If each one searched the rest of the file, this test would not end."""
    ends = b"PK\x05\x06" * 4_000_000
    assert find_foreign_content(image("PNG") + ends, "PNG") == "an archive"
    assert find_foreign_content(image("PNG") + ends + bytes(70_000), "PNG") is None


def test_long_jpeg_fill_takes_linear_time():
    """If each byte searched the rest of the fill, this test would not end."""
    fill = b"\xff" * 4_000_000 + b"\0"
    assert IMAGE_END["JPEG"](b"\xff\xd8" + fill + b"\xff\xd9") == len(fill) + 4


def test_a_dos_header_alone_is_not_a_program():
    assert find_foreign_content(image("JPEG") + DOS, "JPEG") is None


def test_content_inside_the_image_is_not_foreign():
    assert find_foreign_content(with_exif(b"<html>"), "JPEG") is None


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA", "I;16"])
def test_a_complete_png_has_all_rows(mode: str):
    assert not is_missing_rows(image_of(mode, "PNG"))


def adam7(width: int, height: int) -> list[tuple[int, int]]:
    """Columns and rows of each pass, by the pattern in the PNG specification, drawn out."""
    pattern = np.array(
        [
            [1, 6, 4, 6, 2, 6, 4, 6],
            [7, 7, 7, 7, 7, 7, 7, 7],
            [5, 6, 5, 6, 5, 6, 5, 6],
            [7, 7, 7, 7, 7, 7, 7, 7],
            [3, 6, 4, 6, 3, 6, 4, 6],
            [7, 7, 7, 7, 7, 7, 7, 7],
            [5, 6, 5, 6, 5, 6, 5, 6],
            [7, 7, 7, 7, 7, 7, 7, 7],
        ]
    )
    drawn = np.tile(pattern, (height // 8 + 1, width // 8 + 1))[:height, :width]
    passes = []
    for number in range(1, 8):
        rows, columns = np.nonzero(drawn == number)
        if len(rows):
            passes.append((len(set(columns.tolist())), len(set(rows.tolist()))))
    return passes


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 2), (5, 5), (8, 8), (9, 3), (17, 30)])
@pytest.mark.parametrize("interlaced", [0, 1])
def test_one_missing_byte_of_the_rows_is_noticed(size: tuple[int, int], interlaced: int):
    width, height = size
    passes = adam7(width, height) if interlaced else [(width, height)]
    rows = bytes(sum(rows * (1 + 3 * columns) for columns, rows in passes))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced))
    for written, missing in ((rows, False), (rows[:-1], True)):
        halves = (zlib.compress(written)[:5], zlib.compress(written)[5:])
        content = PNG + header + b"".join(chunk(b"IDAT", half) for half in halves)
        assert is_missing_rows(content + chunk(b"IEND", b"")) is missing
