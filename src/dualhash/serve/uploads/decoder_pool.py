"""A pool of processes that decode images; one that hangs is killed and replaced."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.serve.http.errors import KINDS, ProblemError
from dualhash.serve.http.limits import BoundedQueue
from dualhash.serve.settings import Settings

MAX_THUMBNAIL_BYTES = 1 << 22


class DecoderPool:
    """Processes that decode images, each one job at a time; see `decoder_worker`.

    Attributes:
        queue: Jobs that run or wait.
    """

    def __init__(self, settings: Settings, processes: int) -> None:
        """Starts no process before `start`."""
        self._settings, self._processes = settings, processes
        self.queue = BoundedQueue(processes, settings.queue_length)
        self._idle: list[Process] = []

    async def start(self) -> None:
        """Starts the processes and waits until they accept jobs.

        If a process does not start, the first job that needs it tries again.
        """
        jobs = (self._run({"kind": "nothing"}, b"", 0) for _ in range(self._processes))
        await asyncio.gather(*jobs, return_exceptions=True)

    async def stop(self) -> None:
        """Ends the processes."""
        while self._idle:
            await _kill(self._idle.pop())

    async def pixels(self, upload: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Decodes an upload and resizes it to (height, width): (H, W, 3) uint8, RGB.

        Raises:
            ProblemError: The upload is not an image, is damaged or exceeds a limit; or the server
                is busy.
        """
        length = size[0] * size[1] * 3
        body = await self._run({"kind": "query", "size": size}, upload, length)
        if len(body) != length:
            raise ProblemError("image-damaged", "The image cannot be decoded.")
        return np.frombuffer(body, np.uint8).reshape((*size, 3))

    async def thumbnail(self, path: str, side: int) -> bytes:
        """Returns an image file as WebP, at most `side` pixels wide and high.

        Raises:
            ProblemError: The file cannot be read, or the server is busy.
        """
        job = {"kind": "thumbnail", "path": path, "side": side}
        try:
            return await self._run(job, b"", MAX_THUMBNAIL_BYTES)
        except ProblemError as problem:
            if problem.kind == "busy":
                raise
            raise ProblemError(
                "image-missing", "The image file of the item was moved, or cannot be read."
            ) from problem

    async def _run(self, job: dict[str, Any], content: bytes, max_bytes: int) -> bytes:
        """Returns the result of a job. If its process dies, the job runs once more."""
        async with self.queue.slot():
            try:
                async with asyncio.timeout(self._settings.decode_seconds):
                    try:
                        process = self._idle_process() or await self._start_process()
                        result, body = await self._exchange(process, job, content, max_bytes)
                    except (OSError, EOFError):
                        process = await self._start_process()
                        result, body = await self._exchange(process, job, content, max_bytes)
            except TimeoutError as error:
                raise ProblemError(
                    "image-too-costly", "Decoding the image takes too long; make it smaller."
                ) from error
            except (OSError, EOFError) as error:
                raise ProblemError(
                    "image-too-costly", "Decoding the image takes too much memory; make it smaller."
                ) from error
            except ValueError as error:
                raise ProblemError("image-damaged", "The image cannot be decoded.") from error
        if "problem" in result:
            kind = result["problem"]
            raise ProblemError(kind if kind in KINDS else "image-damaged", str(result["detail"]))
        return body

    def _idle_process(self) -> Process | None:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
        return None

    async def _exchange(
        self, process: Process, job: dict[str, Any], content: bytes, max_bytes: int
    ) -> tuple[dict[str, Any], bytes]:
        """Sends a job to a process and returns the answer; kills the process if that fails."""
        try:
            answer = await _send_and_receive(process, job, content, max_bytes)
        except BaseException:
            await _kill(process)
            raise
        self._idle.append(process)
        return answer

    async def _start_process(self) -> Process:
        settings = self._settings
        try:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "dualhash.serve.uploads.decoder_worker"),
                *(str(settings.decode_bytes), str(settings.max_pixels)),
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
            raise ProblemError(
                "busy", "No decoder process can be started; try again in a moment."
            ) from error


async def _send_and_receive(
    process: Process, job: dict[str, Any], content: bytes, max_bytes: int
) -> tuple[dict[str, Any], bytes]:
    """The process decodes untrusted files, so its answer is untrusted, too."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({**job, "bytes": len(content)}).encode() + b"\n" + content)
    await process.stdin.drain()
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    result = json.loads(line)
    length = result["bytes"] if isinstance(result, dict) else None
    if not isinstance(length, int) or not 0 <= length <= max_bytes:
        raise ValueError("not an answer")
    return result, await process.stdout.readexactly(length)


async def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
