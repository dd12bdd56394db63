"""The program of a decoder process: decodes untrusted images with little memory and few rights.

It reads jobs from stdin, each a line of JSON followed by as many bytes as the line says, and writes
answers to stdout in the same form. Arguments: bytes of memory it may allocate, and pixels that an
upload may have.
"""

import json
import signal
import sys
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from dualhash.catalogue.images import IMAGE_SUFFIXES, squash, upright
from dualhash.serve.uploads.upload_checks import find_foreign_content, image_format, is_missing_rows

FORMAT_NAMES = {name: name for name in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF", "HEIF")}
FORMAT_NAMES |= {"WEBP": "WebP", "HEIF": "HEIC"}
"""Formats of uploads, by their names in Pillow."""

READABLE = [kind for kind in FORMAT_NAMES if f".{kind.lower()}" in IMAGE_SUFFIXES]
"""Those that this installation can read."""

THUMBNAIL_QUALITY = 82


class RefusedError(Exception):
    """An image is refused: the kind of problem, and a sentence."""


def nothing(_: bytes, __: dict[str, Any]) -> bytes:
    """Does nothing; the answer shows that the process accepts jobs."""
    return b""


def query(content: bytes, job: dict[str, Any]) -> bytes:
    """Returns the pixels of an upload, resized to `size` (height, width) of the job, as RGB."""
    kind = image_format(content)
    if kind not in READABLE:
        *names, last = (FORMAT_NAMES[kind] for kind in READABLE)
        message = f"The upload is not a {', '.join(names)} or {last} image."
        if kind in FORMAT_NAMES:
            message = f"This server cannot read {FORMAT_NAMES[kind]}. {message}"
        raise RefusedError("not-an-image", message)
    try:
        with Image.open(BytesIO(content), formats=[kind]) as image:
            height, width = job["size"]
            pixels = squash(upright(image), (height, width)).tobytes()
    except UnidentifiedImageError as error:
        raise RefusedError("image-damaged", "The header of the image is damaged.") from error
    if kind == "PNG" and is_missing_rows(content):
        raise RefusedError("image-damaged", "The image has fewer rows than its header says.")
    if (what := find_foreign_content(content, kind)) is not None:
        raise RefusedError(
            "not-an-image",
            f"The file also contains {what}; save the image again and send the new file.",
        )
    return pixels


def thumbnail(_: bytes, job: dict[str, Any]) -> bytes:
    """Returns the image at the `path` of the job as WebP of at most `side` pixels, no metadata."""
    side = job["side"]
    with Image.open(Path(job["path"])) as image:
        image.draft("RGB", (2 * side, 2 * side))
        small = upright(image)
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    encoded = BytesIO()
    small.save(encoded, "WEBP", quality=THUMBNAIL_QUALITY)
    return encoded.getvalue()


JOBS = {job.__name__: job for job in (nothing, query, thumbnail)}


def run_job(job: dict[str, Any], content: bytes) -> tuple[dict[str, str], bytes]:
    """Returns a problem, or an empty dict and the result of the job."""
    try:
        return {}, JOBS[job["kind"]](content, job)
    except RefusedError as error:
        kind, detail = error.args
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        limit = (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        kind = "too-many-pixels"
        detail = f"The image has more than {limit:.3g} million pixels; make it smaller."
    except MemoryError:
        kind = "image-too-costly"
        detail = "Decoding the image takes too much memory; make it smaller."
    except Exception:  # Pillow raises exceptions of all types on damaged files
        kind = "image-damaged"
        detail = "The image is damaged or incomplete; it cannot be decoded."
    return {"problem": kind, "detail": detail}, b""


def limit_process(memory: int, pixels: int) -> None:
    """Limits pixels, memory and file writes of this process, as far as the system supports it."""
    Image.MAX_IMAGE_PIXELS = pixels
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends this process
    try:
        import resource
    except ImportError:
        return
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def run(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Runs jobs until there are no more."""
    while line := jobs.readline():
        job = json.loads(line)
        problem, body = run_job(job, jobs.read(job["bytes"]))
        answers.write(json.dumps({**problem, "bytes": len(body)}).encode() + b"\n" + body)
        answers.flush()


if __name__ == "__main__":
    Image.init()
    limit_process(int(sys.argv[1]), int(sys.argv[2]))
    run(sys.stdin.buffer, sys.stdout.buffer)
