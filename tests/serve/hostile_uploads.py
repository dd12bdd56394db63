"""Hostile and odd uploads."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from dualhash.serve.uploads.decoder_worker import READABLE

NEW_FORMATS = tuple(kind for kind in ("TIFF", "AVIF", "HEIF") if kind in READABLE)
"""Pillow's names of formats that are accepted besides JPEG, PNG, WebP and GIF."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", *NEW_FORMATS)

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Hostile:
    """An upload, and the status and kind of its refusal."""

    content: Callable[[], bytes]
    status: int
    kind: str


def packed(drawn: Image.Image, kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    drawn.save(content, kind, **options)
    return content.getvalue()


def image(kind: str, size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    return packed(Image.radial_gradient("L").resize(size).convert("RGB"), kind, **options)


def image_of(mode: str, kind: str) -> bytes:
    return packed(Image.radial_gradient("L").resize((61, 47)).convert(mode), kind)


def chunk(kind: bytes, content: bytes, length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    return struct.pack(">I", size) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *before: bytes, rows: bytes = b"", depth: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    packed = chunk(b"IDAT", zlib.compress(rows, 9))
    return PNG + chunk(b"IHDR", header) + b"".join(before) + packed + chunk(b"IEND", b"")


def small_png(*before: bytes) -> bytes:
    return png(4, 4, *before, rows=b"\0" * 52)


def with_exif(orientation: bytes) -> bytes:
    """A JPEG whose EXIF block is `orientation`."""
    content = image("JPEG")
    block = b"Exif\0\0" + orientation
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + content[2:]


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG whose header gives this size."""
    content = bytearray(image("JPEG"))
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def webp_of_size(width: int, height: int) -> bytes:
    """A lossless WebP whose header gives this size."""
    content = bytearray(image("WEBP", lossless=True))
    at = content.index(b"VP8L") + 9
    bits = struct.unpack_from("<I", content, at)[0] >> 28 << 28
    struct.pack_into("<I", content, at, bits | (height - 1) << 14 | (width - 1))
    return bytes(content)


def webp_canvas(width: int, height: int) -> bytes:
    """An extended WebP with a canvas of this size around a small image."""
    inner = image("WEBP")[12:]
    canvas = struct.pack("<I", 0) + (width - 1).to_bytes(3, "little")
    canvas += (height - 1).to_bytes(3, "little")
    body = b"WEBP" + b"VP8X" + struct.pack("<I", len(canvas)) + canvas + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff_of_size(width: int, height: int) -> bytes:
    """A TIFF whose header gives this size."""
    content = bytearray(image("TIFF"))
    for tag, value in ((256, width), (257, height)):
        entry = content.index(struct.pack("<HH", tag, 4))
        struct.pack_into("<I", content, entry + 8, value)
    return bytes(content)


def boxes_of_size(kind: str, width: int, height: int) -> bytes:
    """An AVIF or HEIC file whose header gives this size."""
    content = bytearray(image(kind))
    size = content.index(b"ispe") + 8
    struct.pack_into(">II", content, size, width, height)
    return bytes(content)


def gif_of_size(width: int, height: int) -> bytes:
    content = bytearray(image("GIF"))
    struct.pack_into("<HH", content, 6, width, height)
    return bytes(content)


def cut(kind: str, share: float) -> bytes:
    content = image(kind, (256, 256))
    return content[: int(len(content) * share)]


def noise(kind: str) -> bytes:
    """An image with noise after its header."""
    content = image(kind, (256, 256))
    return content[:24] + bytes((7 * i + 13) % 256 for i in range(len(content) - 24))


def scans(count: int) -> bytes:
    """A progressive JPEG that repeats one scan this many times."""
    content = image("JPEG", (2000, 2000), progressive=True)
    first = content.index(b"\xff\xda")
    second = content.index(b"\xff\xda", first + 2)
    return content[:first] + content[first:second] * count


def archive() -> bytes:
    """A ZIP archive of one file."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as opened:
        opened.writestr("run.sh", "rm -r .")
    return written.getvalue()


def commented(kind: str, comment: bytes) -> bytes:
    """An image with a comment."""
    return packed(Image.radial_gradient("L").resize((16, 16)), kind, comment=comment)


TEXT = b"k\0\0" + zlib.compress(b"x" * 80_000_000, 9)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
XXE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>'
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n"
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n(/etc/passwd) run\n"
ZIP = b"PK\x03\x04" + b"\0" * 26
ARCHIVE_END = b"PK\x05\x06" + b"\0" * 18
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 57
WINDOWS = b"MZ" + b"\0" * 58 + struct.pack("<I", 128) + b"\0" * 64 + b"PE\0\0" + b"\0" * 20
DOS = WINDOWS.replace(b"PE", b"  ")
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42\0\0\0\x08mdat"
CHANCE = bytes(2000) + b"PK\x03\x04\xff\xff\xff\xff\xff\xff PK\x05\x06 %PDF #!/ MZ" + bytes(70_000)
"""Bytes that a film may contain by chance."""

PAGE_BOX = struct.pack(">I", 14) + b"free" + b"<html>"
"""A valid box of an AVIF or HEIC file."""

SAMSUNG = b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1700000000000SEFHk\0\0\0\x01\0\0\0\x18\0\0\0SEFT"

BEHIND: dict[str, bytes] = {
    "zip": ZIP,
    "film and a zip": FILM + bytes(100_000) + ZIP,
    "zip's end": bytes(100) + ARCHIVE_END,
    "zip's end with a comment": ARCHIVE_END + b"\0" * 60_000,
    "rar": b"Rar!\x1a\x07\x01\0",
    "pdf": b"\n" + PDF,
    "postscript": POSTSCRIPT,
    "program": ELF,
    "windows program": WINDOWS,
    "windows program behind a dos one": DOS + WINDOWS,
    "shell script": b"\n#!/bin/sh\nrm -r .\n",
    "script": b"<SCRIPT src=x></script>",
    "page": b"\0\0<html><body>",
    "svg": SVG,
    "php": b"<?php system($_GET['c']); ?>",
}
"""Content that no phone appends to an image."""

TOO_MANY = (413, "too-many-pixels")
NO_IMAGE = (415, "not-an-image")
DAMAGED = (422, "image-damaged")

UPLOADS: dict[str, Hostile] = {
    # Too many pixels.
    "png bomb": Hostile(lambda: png(60_000, 60_000), *TOO_MANY),
    "png bomb with its rows": Hostile(
        lambda: png(30_000, 2_000, rows=b"\0" * (90_001 * 2_000)), *TOO_MANY
    ),
    "png of the largest size": Hostile(lambda: png(2**31 - 1, 2**31 - 1), *TOO_MANY),
    "png one pixel high": Hostile(lambda: png(2**31 - 1, 1), *TOO_MANY),
    "jpeg bomb": Hostile(lambda: jpeg_of_size(65_500, 65_500), *TOO_MANY),
    "jpeg bomb, narrow": Hostile(lambda: jpeg_of_size(65_500, 1_000), *TOO_MANY),
    "webp bomb": Hostile(lambda: webp_of_size(16_383, 16_383), *TOO_MANY),
    "webp bomb, narrow": Hostile(lambda: webp_of_size(16_383, 4_000), *TOO_MANY),
    "webp canvas": Hostile(lambda: webp_canvas(16_383, 16_383), *TOO_MANY),
    "gif bomb": Hostile(lambda: gif_of_size(65_535, 65_535), *TOO_MANY),
    "tiff bomb": Hostile(lambda: tiff_of_size(60_000, 60_000), *TOO_MANY),
    **{
        f"{kind} bomb": Hostile(lambda k=kind: boxes_of_size(k, 30_000, 30_000), *DAMAGED)
        for kind in NEW_FORMATS
        if kind != "TIFF"
    },
    # Impossible sizes.
    "png without rows": Hostile(lambda: png(0, 10), *DAMAGED),
    "png of a negative size": Hostile(lambda: png(2**32 - 1, 10), *TOO_MANY),
    "jpeg without rows": Hostile(lambda: jpeg_of_size(64, 0), *DAMAGED),
    "png of no such depth": Hostile(lambda: png(4, 4, rows=b"\0" * 52, depth=7), *DAMAGED),
    # Bombs beside the pixels.
    "png text bomb": Hostile(lambda: small_png(chunk(b"zTXt", TEXT)), *DAMAGED),
    "png international text bomb": Hostile(
        lambda: small_png(chunk(b"iTXt", b"k\0\1\0\0\0" + TEXT[3:])), *DAMAGED
    ),
    "png profile bomb": Hostile(lambda: small_png(chunk(b"iCCP", TEXT)), *DAMAGED),
    "png chunk of 2 GB": Hostile(lambda: small_png(chunk(b"tEXt", b"", 2**31 - 1)), *DAMAGED),
    "jpeg of many scans": Hostile(lambda: scans(40), *DAMAGED),
    # Truncated and damaged.
    **{
        f"{kind} cut at {share}": Hostile(lambda k=kind, s=share: cut(k, s), *DAMAGED)
        for kind in FORMATS
        for share in (0.1, 0.6)
    },
    "jpeg of two marks": Hostile(lambda: b"\xff\xd8\xff\xe0", *DAMAGED),
    "png of a signature": Hostile(lambda: PNG, *DAMAGED),
    "gif of a signature": Hostile(lambda: b"GIF89a", *DAMAGED),
    "webp of a signature": Hostile(lambda: b"RIFF\xff\xff\xff\x7fWEBPVP8 ", *DAMAGED),
    **{
        f"{kind} of noise": Hostile(lambda k=kind: noise(k), *DAMAGED)
        for kind in ("PNG", "WEBP", "JPEG", *NEW_FORMATS)
    },
    # Not images.
    "0 bytes": Hostile(lambda: b"", *NO_IMAGE),
    "one byte": Hostile(lambda: b"\xff", *NO_IMAGE),
    "svg": Hostile(lambda: SVG, *NO_IMAGE),
    "svg that asks for a file": Hostile(lambda: XXE, *NO_IMAGE),
    "pdf": Hostile(lambda: PDF, *NO_IMAGE),
    "postscript": Hostile(lambda: POSTSCRIPT, *NO_IMAGE),
    "zip": Hostile(lambda: ZIP, *NO_IMAGE),
    "html": Hostile(lambda: b"<!doctype html><script>alert(1)</script>", *NO_IMAGE),
    "bmp": Hostile(lambda: image("BMP"), *NO_IMAGE),
    "ico": Hostile(lambda: image("ICO"), *NO_IMAGE),
    "address": Hostile(lambda: b"http://169.254.169.254/latest/meta-data/", *NO_IMAGE),
    "path": Hostile(lambda: b"/etc/passwd", *NO_IMAGE),
    "svg before a png": Hostile(lambda: SVG + image("PNG"), *NO_IMAGE),
    "zip before a jpeg": Hostile(lambda: ZIP + image("JPEG"), *NO_IMAGE),
    # Polyglots that begin like an image.
    "gif that is a script": Hostile(lambda: b"GIF89a=1;alert(document.cookie)//", *DAMAGED),
    "jpeg that is a page": Hostile(lambda: b"\xff\xd8\xff\xe0<script>alert(1)</script>", *DAMAGED),
    "png that is a pdf": Hostile(lambda: PNG + PDF, *DAMAGED),
    "webp that is a zip": Hostile(lambda: b"RIFF\x40\0\0\0WEBP" + ZIP * 2, *DAMAGED),
    "riff that is no webp": Hostile(lambda: b"RIFF\x40\0\0\0WAVEfmt " + b"\0" * 64, *NO_IMAGE),
    # Polyglots that are images.
    **{
        f"jpeg with a {name} behind it": Hostile(lambda b=behind: image("JPEG") + b, *NO_IMAGE)
        for name, behind in BEHIND.items()
    },
    **{
        f"{' '.join([kind, *options])} with a page behind it": Hostile(
            lambda k=kind, o=options: image(k, **o) + b"<html>", *NO_IMAGE
        )
        for kind, options in (
            ("PNG", {}),
            ("WEBP", {}),
            ("WEBP", {"lossless": True}),
            ("GIF", {}),
            ("JPEG", {"progressive": True}),
            ("TIFF", {"compression": "tiff_lzw"}),
            *((kind, {}) for kind in NEW_FORMATS),
        )
    },
    **{
        f"{kind} with a {name} behind it": Hostile(lambda k=kind, b=behind: image(k) + b, *NO_IMAGE)
        for kind in NEW_FORMATS
        for name, behind in (("zip", ZIP), ("program", ELF), ("box of a page", PAGE_BOX))
    },
    "tiff with a page in its description": Hostile(
        lambda: image("TIFF", description="<html><script>alert(1)</script>"), *NO_IMAGE
    ),
    "png without an end, with a zip behind it": Hostile(
        lambda: small_png()[:-12] + ARCHIVE_END, *NO_IMAGE
    ),
    "jpeg with an archive in its comment": Hostile(lambda: commented("JPEG", archive()), *NO_IMAGE),
    "png with an archive in its text": Hostile(
        lambda: small_png(chunk(b"tEXt", b"k\0" + archive())), *NO_IMAGE
    ),
    "gif with an archive in its comment": Hostile(lambda: commented("GIF", archive()), *NO_IMAGE),
    "jpeg with a document in its comment": Hostile(lambda: commented("JPEG", PDF), *NO_IMAGE),
    "gif with a document in its comment": Hostile(lambda: commented("GIF", PDF), *NO_IMAGE),
    # Missing rows.
    "png of half its rows": Hostile(lambda: png(40, 40, rows=b"\0" * 121 * 20), *DAMAGED),
    "png without its last byte": Hostile(
        lambda: png(40, 40, rows=b"\0" * (121 * 40 - 1)), *DAMAGED
    ),
}
"""Uploads by what is wrong with them."""


ODD: dict[str, Callable[[], bytes]] = {
    "exif that points outside": lambda: with_exif(
        b"MM\0*\0\0\0\x08" + struct.pack(">H", 0xFFFF) + b"\xff" * 60
    ),
    "exif that points at itself": lambda: with_exif(
        b"MM\0*\0\0\0\x08" + struct.pack(">HHHII", 1, 0x8769, 4, 1, 8) + struct.pack(">I", 8)
    ),
    "exif of another orientation": lambda: with_exif(
        b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHH", 1, 0x0112, 3, 1, 99, 0) + b"\0\0\0\0"
    ),
    "exif of nothing": lambda: with_exif(b""),
    **{
        f"{kind} with {name} behind it": lambda k=kind, b=behind: image(k) + b
        for kind in FORMATS
        for name, behind in (
            ("a film", FILM + bytes(5000)),
            ("chance", CHANCE),
            ("notes of a phone", SAMSUNG),
            ("another image", image("JPEG")),
            ("a dos program", DOS),
        )
    },
    "jpeg with a zip end in its comment": lambda: commented("JPEG", b"PK\x05\x06" + bytes(18)),
    "gif without an end": lambda: image("GIF")[:-1],
    "png without an end": lambda: small_png()[:-12],
    "png of one bit": lambda: image_of("1", "PNG"),
    "png of a palette": lambda: image_of("P", "PNG"),
    "png of 16 bits": lambda: image_of("I;16", "PNG"),
    "png of grey and alpha": lambda: image_of("LA", "PNG"),
    "png of colours and alpha": lambda: image_of("RGBA", "PNG"),
    "png of one colour": lambda: packed(Image.new("RGB", (3000, 3000)), "PNG"),
    "animated png": lambda: packed(
        Image.new("RGB", (9, 9)), "PNG", save_all=True, append_images=[Image.new("RGB", (9, 9), 1)]
    ),
    "animated gif": lambda: packed(
        Image.new("P", (9, 9)), "GIF", save_all=True, append_images=[Image.new("P", (9, 9), 1)]
    ),
}
"""Odd images that are accepted."""
