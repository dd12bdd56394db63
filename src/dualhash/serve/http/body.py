"""Bodies of search requests: JSON or an upload, read into memory within size and time limits."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from fastapi import Request
from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from dualhash.search.remote.messages import Search
from dualhash.search.request import sentence
from dualhash.serve.http.errors import ProblemError
from dualhash.serve.http.limits import BoundedQueue
from dualhash.serve.settings import MIB, Settings

JSON_BYTES = 256 * 1024
"""Largest search in JSON."""

IMAGE, SEARCH = "image", "search"
"""Parts of an upload."""

BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
"""A boundary between parts (RFC 2046)."""


@dataclass(frozen=True)
class IncomingSearch:
    """A search as a client sent it.

    Attributes:
        search: The options.
        image: Content of the uploaded file, or None.
    """

    search: Search
    image: bytes | None

    @property
    def query_kind(self) -> str:
        """What the query is: image, item, code, vector or none."""
        search = self.search
        kinds = {
            "image": self.image,
            "item": search.id,
            "code": search.code,
            "vector": search.vector,
        }
        return next((kind for kind, query in kinds.items() if query is not None), "none")


class BodyReader:
    """Reads the bodies of search requests.

    Attributes:
        upload_bytes: Total size of the uploads that are being received or processed.
    """

    def __init__(self, settings: Settings) -> None:
        """Applies the limits of the settings."""
        self._settings = settings
        self._queues: WeakValueDictionary[str, BoundedQueue] = WeakValueDictionary()
        self.upload_bytes = 0

    @asynccontextmanager
    async def search(self, request: Request) -> AsyncIterator[IncomingSearch]:
        """Reads a search; an upload counts towards `upload_bytes` until the block is left.

        Raises:
            ProblemError: The body is too large, too slow, or not a search.
        """
        encodings = request.headers.getlist("content-encoding")
        if any(encoding.strip().lower() != "identity" for encoding in encodings):
            raise ProblemError(
                "unsupported-content-encoding",
                "Send the body uncompressed and without Content-Encoding.",
            )
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type == "multipart/form-data":
            async with self._upload(request) as search:
                yield search
        elif content_type == "application/json":
            chunks = [chunk async for chunk in self._chunks(request, JSON_BYTES)]
            yield IncomingSearch(_parse_search(b"".join(chunks)), None)
        else:
            raise ProblemError(
                "wrong-content-type",
                "Send a search as application/json, or an image as multipart/form-data.",
            )

    @asynccontextmanager
    async def _upload(self, request: Request) -> AsyncIterator[IncomingSearch]:
        """Receives few uploads of one client at a time, so that it cannot use all the memory."""
        received = 0

        async def counted() -> AsyncGenerator[bytes]:
            nonlocal received
            async for chunk in self._chunks(request, self._settings.upload_bytes + JSON_BYTES):
                if self.upload_bytes + len(chunk) > self._settings.total_upload_bytes:
                    raise ProblemError("busy", "There are too many uploads; try again in a moment.")
                received += len(chunk)
                self.upload_bytes += len(chunk)
                yield chunk

        client = request.client.host if request.client else ""
        queue = self._queues.get(client)
        if queue is None:
            settings = self._settings
            queue = BoundedQueue(settings.uploads_per_client, settings.queue_length)
            self._queues[client] = queue
        try:
            async with queue.slot():
                search = await _parse_upload(request, counted())
            yield search
        finally:
            self.upload_bytes -= received

    async def _chunks(self, request: Request, limit: int) -> AsyncGenerator[bytes]:
        """The body. Each chunk extends the deadline at the rate of the settings."""
        declared = request.headers.get("content-length", "").lstrip("0")
        if declared.isdecimal() and (len(declared), declared) > (len(str(limit)), str(limit)):
            raise _too_large(limit)
        settings, loop = self._settings, asyncio.get_running_loop()
        end, due = loop.time() + settings.transfer_seconds, loop.time() + settings.idle_seconds
        chunks, received = request.stream(), 0
        while True:
            try:
                async with asyncio.timeout_at(min(end, due)):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise ProblemError("upload-slow", "The upload paused or took too long.") from error
            except ClientDisconnect as error:
                raise ProblemError("bad-request", "The upload was aborted.") from error
            received += len(chunk)
            if received > limit:
                raise _too_large(limit)
            due = min(due + len(chunk) / settings.upload_rate, loop.time() + settings.idle_seconds)
            if chunk:
                yield chunk


class _MultiPartParser(MultiPartParser):
    """Keeps files in memory, and reads text as UTF-8 whatever charset the client declares."""

    spool_max_size = 1 << 62

    def on_part_end(self) -> None:
        if self._current_part.file is None:
            self._current_part.data.decode()  # raises; the base class would read it as Latin-1
        super().on_part_end()


async def _parse_upload(request: Request, chunks: AsyncGenerator[bytes]) -> IncomingSearch:
    _, options = parse_options_header(request.headers["content-type"])
    boundary = options.get(b"boundary", b"")
    if not BOUNDARY.fullmatch(boundary):
        raise ProblemError("bad-request", "The multipart boundary is missing or not valid.")
    try:
        headers = Headers({"Content-Type": f'multipart/form-data; boundary="{boundary.decode()}"'})
        limits = {"max_files": 1, "max_fields": 1, "max_part_size": JSON_BYTES}
        form = await _MultiPartParser(headers, chunks, **limits).parse()
    except MultiPartException as error:
        raise ProblemError("bad-request", f"The upload cannot be read: {error.message}") from error
    except UnicodeError as error:
        raise ProblemError(
            "bad-request",
            f"A part without a file name is not UTF-8. Send {IMAGE} with one, {SEARCH} in UTF-8.",
        ) from error
    try:
        content, text = await _parts(form)
    finally:
        await form.close()
    search = _parse_search(text.encode())
    if not content:
        raise ProblemError("not-an-image", "The upload is empty.")
    incoming = IncomingSearch(search, content)
    if replace(incoming, image=None).query_kind != "none":
        raise ProblemError(
            "invalid-request", "Send an image, an id, a code or a vector, not several."
        )
    return incoming


async def _parts(form: FormData) -> tuple[bytes, str]:
    """Content of the image, and the search in JSON."""
    unknown = set(form) - {IMAGE, SEARCH}
    if unknown:
        raise ProblemError(
            "bad-request",
            f"The upload has an unknown part {min(unknown)!r}; send {IMAGE} and {SEARCH}.",
        )
    image, search = form.get(IMAGE), form.get(SEARCH, "{}")
    if not isinstance(image, UploadFile):
        raise ProblemError("bad-request", f"The part {IMAGE} is missing or is not a file.")
    if not isinstance(search, str):
        raise ProblemError("bad-request", f"The part {SEARCH} is a file; send it as a field.")
    return await image.read(), search


def _parse_search(body: bytes) -> Search:
    try:
        return Search.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise ProblemError("bad-request", "The search is not valid JSON.") from error
        raise ProblemError("invalid-request", sentence(first, Search.model_fields)) from error


def _too_large(limit: int) -> ProblemError:
    size = f"{limit / MIB:.0f} MiB" if limit >= MIB else f"{limit // 1024} KiB"
    return ProblemError("upload-too-large", f"The request is larger than {size}.")
