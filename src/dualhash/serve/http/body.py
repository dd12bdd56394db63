"""Bodies of requests: read in memory, up to a limit, within a time."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from fastapi import Request
from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from dualhash.serve.http.errors import Problem, invalid
from dualhash.serve.http.queues import Lane
from dualhash.serve.schemas import Search
from dualhash.serve.settings import MIB, Settings

JSON_BYTES = 64 * 1024
"""Largest search in words."""

IMAGE, SEARCH = "image", "search"
"""Parts of an upload."""


BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
"""What may separate parts (RFC 2046)."""


@dataclass(frozen=True)
class IncomingRequest:
    """What a client asks.

    Attributes:
        search: In words.
        image: The uploaded file; None without one.
    """

    search: Search
    image: bytes | None

    @property
    def kind(self) -> str:
        """What asks: an image, an item, a code, or none of them."""
        if self.image is not None:
            return "image"
        if self.search.id is not None:
            return "item"
        return "none" if self.search.code is None else "code"


class Intake:
    """Receives what clients send.

    Attributes:
        held: Bytes of uploads that are being received or worked on.
    """

    def __init__(self, settings: Settings) -> None:
        """Keeps the limits of the settings."""
        self._settings = settings
        self._lanes: WeakValueDictionary[str, Lane] = WeakValueDictionary()
        self.held = 0

    @asynccontextmanager
    async def question(self, request: Request) -> AsyncIterator[IncomingRequest]:
        """What is asked; the bytes of an upload count as held until the block is left.

        Raises:
            Problem: It is too large, too slow, or not a question.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            async with self._upload(request) as question:
                yield question
        elif kind == "application/json":
            chunks = [chunk async for chunk in self._chunks(request, JSON_BYTES)]
            yield IncomingRequest(_words(b"".join(chunks)), None)
        else:
            raise Problem(
                "wrong-content-type",
                "Send a search as application/json, or an image as multipart/form-data.",
            )

    @asynccontextmanager
    async def _upload(self, request: Request) -> AsyncIterator[IncomingRequest]:
        """One client's uploads are received a few at a time, so that none holds all there is."""
        taken = 0

        async def counted() -> AsyncGenerator[bytes]:
            nonlocal taken
            async for chunk in self._chunks(request, self._settings.upload_bytes + JSON_BYTES):
                if self.held + len(chunk) > self._settings.held_bytes:
                    raise Problem("busy", "Too much is being uploaded; try again in a moment.")
                taken += len(chunk)
                self.held += len(chunk)
                yield chunk

        try:
            async with self._lane(request.client.host if request.client else "").slot():
                question = await _parts(request, counted())
            yield question
        finally:
            self.held -= taken

    def _lane(self, client: str) -> Lane:
        lane = self._lanes.get(client)
        if lane is None:
            lane = Lane(self._settings.client_uploads, self._settings.waiting)
            self._lanes[client] = lane
        return lane

    async def _chunks(self, request: Request, most: int) -> AsyncGenerator[bytes]:
        """The body; what arrives buys time at the rate of the settings, up to the longest pause."""
        declared = request.headers.get("content-length", "").lstrip("0")
        if declared.isdecimal() and (len(declared), declared) > (len(str(most)), str(most)):
            raise _too_large(most)
        settings, loop = self._settings, asyncio.get_running_loop()
        end, due = loop.time() + settings.upload_seconds, loop.time() + settings.idle_seconds
        chunks, received = request.stream(), 0
        while True:
            try:
                async with asyncio.timeout_at(min(end, due)):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise Problem("upload-slow", "The upload stopped or took too long.") from error
            except ClientDisconnect as error:
                raise Problem("bad-request", "The upload was broken off.") from error
            received += len(chunk)
            if received > most:
                raise _too_large(most)
            due = min(due + len(chunk) / settings.upload_rate, loop.time() + settings.idle_seconds)
            if chunk:
                yield chunk


class _InMemory(MultiPartParser):
    """Writes nothing to disk, and takes text for UTF-8 whatever the client calls it."""

    spool_max_size = 1 << 62

    def __init__(self, boundary: bytes, chunks: AsyncGenerator[bytes]) -> None:
        kind = f'multipart/form-data; boundary="{boundary.decode()}"'
        super().__init__(
            Headers({"Content-Type": kind}),
            chunks,
            max_files=1,
            max_fields=1,
            max_part_size=JSON_BYTES,
        )

    def on_part_end(self) -> None:
        if self._current_part.file is None:
            self._current_part.data.decode()  # or else it would be taken for Latin-1
        super().on_part_end()


async def _parts(request: Request, chunks: AsyncGenerator[bytes]) -> IncomingRequest:
    _, options = parse_options_header(request.headers["content-type"])
    boundary = options.get(b"boundary", b"")
    if not BOUNDARY.fullmatch(boundary):
        raise Problem("bad-request", "The upload's boundary is missing, or none of multipart's.")
    try:
        form = await _InMemory(boundary, chunks).parse()
    except MultiPartException as error:
        raise Problem("bad-request", f"The upload cannot be read: {error.message}") from error
    except UnicodeError as error:
        raise Problem(
            "bad-request",
            f"A part without a filename is not UTF-8: send {IMAGE} with one, {SEARCH} as UTF-8.",
        ) from error
    try:
        content, search = await _image_and_search(form)
    finally:
        await form.close()
    question = _words(search.encode())
    if not content:
        raise Problem("not-an-image", "The upload is empty.")
    if question.id is not None or question.code is not None:
        raise Problem("invalid-request", "There is an image and another query; ask with one.")
    return IncomingRequest(question, content)


async def _image_and_search(form: FormData) -> tuple[bytes, str]:
    unknown = set(form) - {IMAGE, SEARCH}
    if unknown:
        raise Problem(
            "bad-request",
            f"The upload has a part {min(unknown)!r}; its parts are {IMAGE} and {SEARCH}.",
        )
    image, search = form.get(IMAGE), form.get(SEARCH, "{}")
    if not isinstance(image, UploadFile):
        raise Problem("bad-request", f"The upload has no file in its part {IMAGE}.")
    if not isinstance(search, str):
        raise Problem("bad-request", f"The part {SEARCH} is a file; send it as a field.")
    return await image.read(), search


def _words(body: bytes) -> Search:
    try:
        return Search.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Problem("bad-request", "The search is not JSON.") from error
        raise invalid(error) from error


def _too_large(most: int) -> Problem:
    size = f"{most / MIB:.0f} MiB" if most >= MIB else f"{most // 1024} KiB"
    return Problem("upload-too-large", f"The request is larger than {size}.")
