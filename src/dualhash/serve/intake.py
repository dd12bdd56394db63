"""Bodies of requests: read in memory, up to a limit, within a time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from dualhash.serve.problems import Problem, invalid
from dualhash.serve.schemas import Search
from dualhash.serve.settings import MIB, Settings

JSON_BYTES = 64 * 1024
"""Largest search in words."""

IMAGE, SEARCH = "image", "search"
"""Parts of an upload."""


@dataclass(frozen=True)
class Question:
    """What a client asks.

    Attributes:
        search: In words.
        image: The uploaded file; None without one.
    """

    search: Search
    image: bytes | None


class Intake:
    """Receives what clients send.

    Attributes:
        held: Bytes that are being received or worked on.
    """

    def __init__(self, settings: Settings) -> None:
        """Keeps the limits of the settings."""
        self._settings = settings
        self.held = 0

    @asynccontextmanager
    async def question(self, request: Request) -> AsyncIterator[Question]:
        """What is asked; its bytes count as held until the block is left.

        Raises:
            Problem: It is too large, too slow, or not a question.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("application/json", "multipart/form-data"):
            raise Problem(
                "wrong-content-type",
                "Send a search as application/json, or an image as multipart/form-data.",
            )
        multipart = kind == "multipart/form-data"
        most = self._settings.upload_bytes + JSON_BYTES if multipart else JSON_BYTES
        body = bytearray()
        try:
            await self._receive(request, body, most)
            if multipart:
                yield await _parts(request, bytes(body))
            else:
                yield Question(_words(body), None)
        finally:
            self.held -= len(body)

    async def _receive(self, request: Request, body: bytearray, most: int) -> None:
        declared = request.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared) > most:
            raise _too_large(most)
        chunks = request.stream()
        try:
            async with asyncio.timeout(self._settings.upload_seconds):
                while True:
                    async with asyncio.timeout(self._settings.idle_seconds):
                        chunk = await anext(chunks)
                    if len(body) + len(chunk) > most:
                        raise _too_large(most)
                    if self.held + len(chunk) > self._settings.held_bytes:
                        raise Problem("busy", "Too much is being uploaded; try again in a moment.")
                    body += chunk
                    self.held += len(chunk)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise Problem("upload-slow", "The upload stopped or took too long.") from error
        except ClientDisconnect as error:
            raise Problem("bad-request", "The upload was broken off.") from error


class _InMemory(MultiPartParser):
    """Writes nothing to disk: what it parses is in memory already."""

    spool_max_size = 1 << 62


async def _parts(request: Request, body: bytes) -> Question:
    async def once() -> AsyncGenerator[bytes]:
        yield body

    parser = _InMemory(request.headers, once(), max_files=1, max_fields=1, max_part_size=JSON_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Problem("bad-request", f"The upload cannot be read: {error.message}") from error
    try:
        content, search = await _image_and_search(form)
    finally:
        await form.close()
    question = _words(search.encode())
    if not content:
        raise Problem("not-an-image", "The upload is empty.")
    if question.id is not None or question.code is not None:
        raise Problem("invalid-request", "There is an image and another query; ask with one.")
    return Question(question, content)


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


def _words(body: bytes | bytearray) -> Search:
    try:
        return Search.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Problem("bad-request", "The search is not JSON.") from error
        raise invalid(error) from error


def _too_large(most: int) -> Problem:
    size = f"{most / MIB:.0f} MiB" if most >= MIB else f"{most // 1024} KiB"
    return Problem("upload-too-large", f"The request is larger than {size}.")
