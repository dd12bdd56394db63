"""Processes that unpack images: as many as there are, one job each, and an end to those that hang.

An upload is only ever unpacked there. A process that takes too long is killed and another one takes
its place.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.serve.http.errors import KINDS, Problem
from dualhash.serve.http.queues import Lane
from dualhash.serve.settings import Settings

LARGEST_THUMBNAIL = 1 << 22


class Decoders:
    """The processes: some for uploads, one for thumbnails, which uploads cannot keep waiting.

    Attributes:
        lane: Which uploads wait for one.
    """

    def __init__(self, settings: Settings) -> None:
        """Starts none yet."""
        self._uploads = _Pool(settings, settings.decoders)
        self._thumbnails = _Pool(settings, 1)
        self.lane = self._uploads.lane

    async def start(self) -> None:
        """Starts the processes and waits until they take jobs, so that no upload has to.

        In place of one that does not start, the first upload that needs it tries again.
        """
        await asyncio.gather(self._uploads.start(), self._thumbnails.start())

    async def pixels(self, upload: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
        """An uploaded image, squashed: (H, W, 3) uint8, RGB.

        Args:
            upload: Content of a JPEG, PNG, WebP or GIF file.
            size: (height, width).

        Raises:
            Problem: It is something else, damaged, or takes more than it may; or the server is
                busy.
        """
        shape = (*size, 3)
        length = size[0] * size[1] * 3
        body = await self._uploads.done({"kind": "query", "size": size}, upload, length)
        if len(body) != length:
            raise Problem("image-damaged", "The image cannot be unpacked.")
        return np.frombuffer(body, np.uint8).reshape(shape)

    async def thumbnail(self, path: str, side: int) -> bytes:
        """An image file as WebP, at most `side` pixels wide and high.

        Raises:
            Problem: It cannot be read, or the server is busy.
        """
        job = {"kind": "thumbnail", "path": path, "side": side}
        try:
            return await self._thumbnails.done(job, b"", LARGEST_THUMBNAIL)
        except Problem as problem:
            if problem.kind == "busy":
                raise
            raise Problem(
                "image-missing",
                "The item's image is not where it was when it was indexed, or cannot be read.",
            ) from problem

    async def stop(self) -> None:
        """Ends the processes."""
        await asyncio.gather(self._uploads.stop(), self._thumbnails.stop())


class _Pool:
    """Processes for one kind of job, and who waits for them."""

    def __init__(self, settings: Settings, processes: int) -> None:
        self._settings, self._processes = settings, processes
        self.lane = Lane(processes, settings.waiting)
        self._idle: list[Process] = []

    async def start(self) -> None:
        begun = (self.done({"kind": "nothing"}, b"", 0) for _ in range(self._processes))
        await asyncio.gather(*begun, return_exceptions=True)

    async def stop(self) -> None:
        while self._idle:
            await _end(self._idle.pop())

    async def done(self, job: dict[str, Any], content: bytes, most: int) -> bytes:
        """What comes of a job; one that was given to a process that died is done once more."""
        async with self.lane.slot():
            try:
                async with asyncio.timeout(self._settings.decode_seconds):
                    try:
                        said, body = await self._asked(self._taken(), job, content, most)
                    except (OSError, EOFError):
                        said, body = await self._asked(None, job, content, most)
            except TimeoutError as error:
                raise Problem(
                    "image-too-costly", "Unpacking the image takes too long; make it smaller."
                ) from error
            except (OSError, EOFError) as error:
                raise Problem(
                    "image-too-costly", "Unpacking the image takes too much; make it smaller."
                ) from error
            except ValueError as error:
                raise Problem("image-damaged", "The image cannot be unpacked.") from error
        if "problem" in said:
            kind = said["problem"]
            raise Problem(kind if kind in KINDS else "image-damaged", str(said["detail"]))
        return body

    def _taken(self) -> Process | None:
        """A process that waits for a job, if there is one."""
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
        return None

    async def _asked(
        self, process: Process | None, job: dict[str, Any], content: bytes, most: int
    ) -> tuple[dict[str, Any], bytes]:
        process = process or await self._started()
        try:
            answer = await _ask(process, job, content, most)
        except BaseException:
            await _end(process)
            raise
        self._idle.append(process)
        return answer

    async def _started(self) -> Process:
        settings = self._settings
        try:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "dualhash.serve.uploads.decoder_worker"),
                *(str(settings.decode_bytes), str(settings.pixels)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={
                    "PATH": os.environ.get("PATH", ""),
                    "PYTHONPATH": os.pathsep.join(sys.path),
                    "OPENBLAS_NUM_THREADS": "1",
                    "OMP_NUM_THREADS": "1",
                },
            )
        except OSError as error:
            raise Problem("busy", "No image can be unpacked now; try again in a moment.") from error


async def _ask(
    process: Process, job: dict[str, Any], content: bytes, most: int
) -> tuple[dict[str, Any], bytes]:
    """Sends a job and reads the answer; what is said is not trusted, at most `most` bytes are."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({**job, "bytes": len(content)}).encode() + b"\n" + content)
    await process.stdin.drain()
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    said = json.loads(line)
    length = said["bytes"] if isinstance(said, dict) else None
    if not isinstance(length, int) or not 0 <= length <= most:
        raise ValueError("not an answer")
    return said, await process.stdout.readexactly(length)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
