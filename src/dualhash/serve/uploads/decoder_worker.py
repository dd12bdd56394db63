"""Decodes uploaded images in a separate process with little memory and no rights.

It reads jobs from stdin, each a line of JSON and the bytes it announces, and answers on stdout in
the same way. It is told on its command line how much memory it may ask for and how many pixels an
upload may have.
"""

import json
import signal
import sys
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from dualhash.catalogue.images import squash, upright
from dualhash.serve.uploads.upload_checks import foreign, lacks_rows

SIGNATURES: tuple[tuple[str, int, bytes], ...] = (
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("GIF", 0, b"GIF87a"),
    ("GIF", 0, b"GIF89a"),
    ("WEBP", 8, b"WEBP"),
)
"""(format, where, bytes that stand there in a file of that format)."""

NO_IMAGE = "The upload is not a JPEG, PNG, WebP or GIF image."

THUMBNAIL_QUALITY = 82


class RefusedError(Exception):
    """An image is not unpacked: the kind of the problem, and a sentence."""


def nothing(_: bytes, __: dict[str, Any]) -> bytes:
    """Does nothing; that there is an answer says that jobs are taken."""
    return b""


def query(content: bytes, job: dict[str, Any]) -> bytes:
    """Pixels of an upload, squashed to the `size` (height, width) of the job, as RGB bytes."""
    kind = next((kind for kind, at, mark in SIGNATURES if content[at:].startswith(mark)), None)
    if kind is None:
        raise RefusedError("not-an-image", NO_IMAGE)
    try:
        with Image.open(BytesIO(content), formats=[kind]) as image:
            height, width = job["size"]
            pixels = squash(upright(image), (height, width)).tobytes()
    except UnidentifiedImageError as error:
        raise RefusedError("image-damaged", "The image's header is damaged.") from error
    if kind == "PNG" and lacks_rows(content):
        raise RefusedError("image-damaged", "The image has fewer rows than its header says.")
    if (what := foreign(content, kind)) is not None:
        raise RefusedError(
            "not-an-image", f"There is {what} behind the image; save the image anew and send that."
        )
    return pixels


def thumbnail(_: bytes, job: dict[str, Any]) -> bytes:
    """The image file at the `path` of the job as WebP, `side` pixels at most, without metadata."""
    side = job["side"]
    with Image.open(Path(job["path"])) as image:
        image.draft("RGB", (2 * side, 2 * side))
        small = upright(image)
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    packed = BytesIO()
    small.save(packed, "WEBP", quality=THUMBNAIL_QUALITY)
    return packed.getvalue()


JOBS: dict[str, Callable[[bytes, dict[str, Any]], bytes]] = {
    "nothing": nothing,
    "query": query,
    "thumbnail": thumbnail,
}


def answer(job: dict[str, Any], content: bytes) -> tuple[dict[str, str], bytes]:
    """What became of a job: a problem, or nothing and bytes."""
    try:
        return {}, JOBS[job["kind"]](content, job)
    except RefusedError as error:
        kind, detail = error.args
        return {"problem": kind, "detail": detail}, b""
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        most = Image.MAX_IMAGE_PIXELS or 0
        return {
            "problem": "too-many-pixels",
            "detail": f"The image has more than {most / 1e6:.3g} million pixels; make it smaller.",
        }, b""
    except MemoryError:
        return {
            "problem": "image-too-costly",
            "detail": "Unpacking the image takes too much memory; make it smaller.",
        }, b""
    except Exception:  # decoders raise anything on files that are damaged
        return {
            "problem": "image-damaged",
            "detail": "The image is damaged or incomplete: it cannot be unpacked.",
        }, b""


def confine(memory: int, pixels: int) -> None:
    """Takes from this process what unpacking an image does not need, where the system can."""
    Image.MAX_IMAGE_PIXELS = pixels
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when to end
    try:
        import resource
    except ImportError:
        return
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Does one job after the other until there are no more."""
    while line := jobs.readline():
        job = json.loads(line)
        said, body = answer(job, jobs.read(job["bytes"]))
        answers.write(json.dumps({**said, "bytes": len(body)}).encode() + b"\n" + body)
        answers.flush()


if __name__ == "__main__":
    Image.init()
    confine(int(sys.argv[1]), int(sys.argv[2]))
    serve(sys.stdin.buffer, sys.stdout.buffer)
