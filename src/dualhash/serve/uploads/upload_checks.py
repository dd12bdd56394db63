"""Checks of image files by their bytes: format, content besides the image, and missing PNG rows.

Decoders stop at the end of an image. Phones append films and notes of their own, and attackers
append content that makes the file valid in another format as well.
"""

import re
import zlib
from collections.abc import Callable

SIGNATURES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("WEBP", re.compile(rb".{8}WEBP", re.DOTALL)),
    ("TIFF", re.compile(rb"II[*+]\0|MM\0[*+]")),
    ("AVIF", re.compile(rb".{4}ftypavi[fs]", re.DOTALL)),
    ("HEIF", re.compile(rb".{4}ftyp(?:hei[cmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL)),
)
"""Format and how files of that format begin."""

JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])", re.DOTALL)
"""The begin of a segment; neither stuffing nor a restart within a scan."""

FOREIGN: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("an archive", re.compile(rb"PK\x03\x04.{4}[\x00-\x63]\x00", re.DOTALL)),
    ("an archive", re.compile(rb"Rar!\x1a\x07|7z\xbc\xaf\x27\x1c")),
    ("a document", re.compile(rb"%PDF-\d|%!PS-Adobe")),
    ("a program", re.compile(rb"\x7fELF[\x01\x02][\x01\x02]|\A\s*#!\s*/")),
    ("a script or a page", re.compile(rb"<(?:script|html|svg|body)[\s/>]|<\?php|<!doctype", re.I)),
)
"""Content that may not follow an image. The patterns are long, because films of phones contain any
four bytes by chance."""

ZIP_END = b"PK\x05\x06"
"""Signature of the end record of a ZIP archive."""

ZIP_END_BYTES, ZIP_COMMENT_BYTES = 22, 65_535
"""Length of the end record without its comment, and of the longest comment."""

ZIP_ENTRY = b"PK\x01\x02"
"""Signature of an entry of a ZIP archive's directory."""

PDF = re.compile(rb"%PDF-\d")

PDF_BYTES = 1024
"""PDF readers open a file if the PDF header is in this many bytes from its begin."""

WINDOWS = re.compile(rb"MZ.{58}(....)", re.DOTALL)
"""A DOS header, with the position of the Windows header."""

ADAM7 = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
"""First column, first row, and steps of both, for each pass of an interlaced PNG."""

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Channels of the colour types of PNG."""

INFLATE_BYTES = 1 << 20

IMAGE_BOXES = (b"ftyp", b"meta", b"mdat", b"moov")
"""Boxes of an AVIF or HEIC file that belong to the image."""


def image_format(content: bytes) -> str | None:
    """Returns Pillow's name of the format of an image file; None for other files."""
    return next((name for name, pattern in SIGNATURES if pattern.match(content)), None)


def find_foreign_content(content: bytes, kind: str) -> str | None:
    """Returns a name for content besides the image, such as "an archive"; None if there is none.

    Most formats are only checked behind the end of the image. ZIP archives are found by their end
    and PDF documents by their begin, so these count wherever they are, in comments as well.

    Args:
        content: Content of an image file.
        kind: Its format, as returned by `image_format`.
    """
    behind = content[IMAGE_END[kind](content) :]
    for name, pattern in FOREIGN:
        if pattern.search(behind):
            return name
    last = len(behind) - ZIP_END_BYTES
    if last >= 0 and behind.find(ZIP_END, max(0, last - ZIP_COMMENT_BYTES), last + 4) >= 0:
        return "an archive"
    if _is_zip(content):
        return "an archive"
    if PDF.search(content, 0, PDF_BYTES):
        return "a document"
    for header in WINDOWS.finditer(behind):
        if behind.startswith(b"PE\0\0", header.start() + int.from_bytes(header[1], "little")):
            return "a program"
    return None


def _is_zip(content: bytes) -> bool:
    """Whether the file has the end record of a ZIP archive with the directory before it."""
    end = content.rfind(ZIP_END, max(0, len(content) - ZIP_END_BYTES - ZIP_COMMENT_BYTES))
    length = int.from_bytes(content[end + 12 : end + 16], "little")
    return 0 < length <= end and content.startswith(ZIP_ENTRY, end - length)


def _jpeg_end(content: bytes) -> int:
    position = 2
    while marker := JPEG_MARKER.search(content, position):
        if marker[1] == b"\xd9":
            return marker.end()
        position = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2])
    return position


def _png_end(content: bytes) -> int:
    position = 8
    for name, start, length in _png_chunks(content):
        position = start + length + 4
        if name == b"IEND":
            break
    return position


def _png_chunks(content: bytes) -> list[tuple[bytes, int, int]]:
    """Name, start and length of each complete chunk."""
    chunks, position = [], 8
    while position + 8 <= len(content):
        length = int.from_bytes(content[position : position + 4])
        if position + 12 + length > len(content):
            break
        chunks.append((content[position + 4 : position + 8], position + 8, length))
        position += 12 + length
    return chunks


def _gif_end(content: bytes) -> int:
    position = block = 13 + _gif_palette_bytes(content[10])
    try:
        while content[position] in b"!,":
            block = position
            is_image = content[position] == ord(",")
            position += 11 + _gif_palette_bytes(content[position + 9]) if is_image else 2
            while content[position]:
                position += 1 + content[position]
            position += 1
        return position + 1 if content[position] == ord(";") else position
    except IndexError:
        return block


def _gif_palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp_end(content: bytes) -> int:
    length = int.from_bytes(content[4:8], "little")
    return 8 + length + length % 2


def _boxes_end(content: bytes) -> int:
    position = 0
    while content[position + 4 : position + 8] in IMAGE_BOXES:
        length = int.from_bytes(content[position : position + 4])
        if length == 1:
            length = int.from_bytes(content[position + 8 : position + 16])
        if length == 0:  # up to the end of the file
            return len(content)
        if length < 8 or position + length > len(content):
            break
        position += length
    return position


IMAGE_END: dict[str, Callable[[bytes], int]] = {
    "JPEG": _jpeg_end,
    "PNG": _png_end,
    "GIF": _gif_end,
    "WEBP": _webp_end,
    "TIFF": lambda _: 8,  # its parts may be anywhere, so all of it is checked
    "AVIF": _boxes_end,
    "HEIF": _boxes_end,
}
"""Position behind the image by format; for an image without end, of the last part that is valid."""


def is_missing_rows(content: bytes) -> bool:
    """Whether a PNG has fewer rows than its header says; decoders return those in black."""
    chunks = _png_chunks(content)
    header = next(start for name, start, _ in chunks if name == b"IHDR")
    missing = _png_row_bytes(content[header : header + 13])
    inflater = zlib.decompressobj()
    for name, start, length in chunks:
        packed = content[start : start + length] if name == b"IDAT" else b""
        while packed and missing > 0:
            missing -= len(inflater.decompress(packed, INFLATE_BYTES))
            packed = inflater.unconsumed_tail
    return missing > len(inflater.flush())


def _png_row_bytes(header: bytes) -> int:
    """Returns the size of all rows, each with its filter byte."""
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    depth, interlaced = header[8] * CHANNELS[header[9]], header[12]
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for column, row, across, down in passes:
        columns, rows = -(-(width - column) // across), -(-(height - row) // down)
        if columns > 0:
            total += rows * (1 + (columns * depth + 7) // 8)
    return total
