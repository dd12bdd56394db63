"""Image files seen from without: what stands behind the image, and whether a PNG has all its rows.

Decoders stop at the end of an image. Phones append films and notes of their own there, and so does
whoever wants a file to be an image to one program and something else to another.
"""

import re
import zlib
from collections.abc import Callable

JPEG_MARK = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])", re.DOTALL)
"""What begins a segment; neither stuffing nor a restart within a scan."""

FOREIGN: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("an archive", re.compile(rb"PK\x03\x04.{4}[\x00-\x63]\x00", re.DOTALL)),
    ("an archive", re.compile(rb"Rar!\x1a\x07|7z\xbc\xaf\x27\x1c")),
    ("a document", re.compile(rb"%PDF-\d|%!PS-Adobe")),
    ("a program", re.compile(rb"\x7fELF[\x01\x02][\x01\x02]|\A\s*#!\s*/")),
    ("a script or a page", re.compile(rb"<(?:script|html|svg|body)[\s/>]|<\?php|<!doctype", re.I)),
)
"""What may not stand behind an image. Films of phones are long: by chance they hold any four bytes,
so more is asked of what is found there."""

ARCHIVE_END = b"PK\x05\x06"
"""What the end of a ZIP archive begins with."""

ARCHIVE_END_BYTES = 22
"""Length of the end of a ZIP archive without a comment, which may have 65,535 more."""

ARCHIVE_ENTRY = b"PK\x01\x02"
"""What an entry of a ZIP archive's directory begins with, which stands before the end."""

DOCUMENT = re.compile(rb"%PDF-\d")
"""Readers of PDF take files for theirs in whose beginning it stands."""

DOCUMENT_BYTES = 1024
"""How long that beginning is."""

WINDOWS = re.compile(rb"MZ.{58}(....)", re.DOTALL)
"""A header of DOS, and where it says that the one of Windows is."""

ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""First column, first row and steps of both, for each pass of an interlaced PNG."""

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of the colour types of PNG."""

INFLATED = 1 << 20


def foreign(content: bytes, kind: str) -> str | None:
    """What stands behind an image and is none, in words; None where nothing of that sort does.

    Archives are read from their end, and documents begin where they like: those in a comment of the
    image count as behind it, for they make the file one of theirs.

    Args:
        content: Of a file.
        kind: JPEG, PNG, GIF or WEBP.
    """
    behind = content[ENDS[kind](content) :]
    for words, pattern in FOREIGN:
        if pattern.search(behind):
            return words
    last = len(behind) - ARCHIVE_END_BYTES
    if last >= 0 and behind.find(ARCHIVE_END, max(0, last - 65_535), last + 4) >= 0:
        return "an archive"
    if _archive(content):
        return "an archive"
    if DOCUMENT.search(content, 0, DOCUMENT_BYTES):
        return "a document"
    for found in WINDOWS.finditer(behind):
        if behind.startswith(b"PE\0\0", found.start() + int.from_bytes(found[1], "little")):
            return "a program"
    return None


def _archive(content: bytes) -> bool:
    """Whether the file is a ZIP archive: there is an end, and its directory is before it."""
    end = content.rfind(ARCHIVE_END, max(0, len(content) - ARCHIVE_END_BYTES - 65_535))
    length = int.from_bytes(content[end + 12 : end + 16], "little")
    return 0 < length <= end and content.startswith(ARCHIVE_ENTRY, end - length)


def _jpeg_end(content: bytes) -> int:
    at = 2
    while mark := JPEG_MARK.search(content, at):
        if mark[1] == b"\xd9":
            return mark.end()
        at = mark.end() + int.from_bytes(content[mark.end() : mark.end() + 2])
    return at


def _png_end(content: bytes) -> int:
    at = 8
    for name, start, length in _png_chunks(content):
        at = start + length + 4
        if name == b"IEND":
            break
    return at


def _png_chunks(content: bytes) -> list[tuple[bytes, int, int]]:
    """Name, start and length of all chunks that are complete."""
    chunks, at = [], 8
    while at + 8 <= len(content):
        length = int.from_bytes(content[at : at + 4])
        if at + 12 + length > len(content):
            break
        chunks.append((content[at + 4 : at + 8], at + 8, length))
        at += 12 + length
    return chunks


def _gif_end(content: bytes) -> int:
    at = begun = 13 + _gif_colours(content[10])
    try:
        while content[at] in b"!,":
            begun = at
            at += 2 if content[at] == ord("!") else 11 + _gif_colours(content[at + 9])
            while content[at]:
                at += 1 + content[at]
            at += 1
        return at + 1 if content[at] == ord(";") else at
    except IndexError:
        return begun


def _gif_colours(flags: int) -> int:
    """Bytes of the table of colours that the flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp_end(content: bytes) -> int:
    length = int.from_bytes(content[4:8], "little")
    return 8 + length + length % 2


ENDS: dict[str, Callable[[bytes], int]] = {
    "JPEG": _jpeg_end,
    "PNG": _png_end,
    "GIF": _gif_end,
    "WEBP": _webp_end,
}
"""Where an image ends, by its kind; where no end is found, the beginning of what makes no sense."""


def lacks_rows(content: bytes) -> bool:
    """Whether a PNG holds fewer rows than its header says; decoders leave those black."""
    chunks = _png_chunks(content)
    header = next(start for name, start, _ in chunks if name == b"IHDR")
    missing = _png_bytes(content[header : header + 13])
    inflater = zlib.decompressobj()
    for name, start, length in chunks:
        packed = content[start : start + length] if name == b"IDAT" else b""
        while packed and missing > 0:
            missing -= len(inflater.decompress(packed, INFLATED))
            packed = inflater.unconsumed_tail
    return missing > len(inflater.flush())


def _png_bytes(header: bytes) -> int:
    """How many bytes the rows take, each with the byte of its filter."""
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    depth, interlaced = header[8] * CHANNELS[header[9]], header[12]
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for column, row, across, down in passes:
        columns, rows = -(-(width - column) // across), -(-(height - row) // down)
        if columns > 0:
            total += rows * (1 + (columns * depth + 7) // 8)
    return total
